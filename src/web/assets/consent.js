/* SPDX-License-Identifier: MIT
 * Enhancement only: hides projects of organizations that are not ticked, and the list while "all" is chosen. The server
 * checks everything again; without this script all projects are simply shown. */
'use strict';
(() => {
	const box = document.querySelector('[data-projects]');
	const form = box && box.closest('form');
	if (!form)
		return;
	const update = () => {
		const selected = form.querySelector('[name=project_access][value=selected]').checked;
		const ticked = new Set([...form.querySelectorAll('[name=organization]:checked')].map((i) => i.value));
		box.hidden = !selected;
		for (const label of box.querySelectorAll('[data-organization]')) {
			const off = !ticked.has(label.dataset.organization);
			label.hidden = off;
			label.style.display = off ? 'none' : '';
			if (off)
				label.querySelector('input').checked = false;
		}
	};
	form.addEventListener('change', update);
	update();
})();
