/* SPDX-License-Identifier: MIT
 *
 * What `git log` does not show of an object store: messages of tags, and the objects that no branch,
 * tag or reflog reaches (amended away, reset, only ever staged) until git throws them out. */
#include "server/scan_int.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ID_BYTES = 32, TYPE_BYTES = 16, OBJECT_SHOWN = 12 };
#define LIST_BYTES_MAX (1024 * MIB)

/* In order of ids, as git lists them; a shorter id ends in zeros. */
struct object { uint8_t id[ID_BYTES], id_n; bool shown, is_tag; };

static bool id_parse(str hex, struct object *out)
{
	*out = (struct object){ .id_n = (uint8_t)(hex.n / 2) };
	return hex.n > 0 && hex.n <= 2 * ID_BYTES && hex_decode(hex, out->id, out->id_n);
}

/* "type id". false: an object that is listed but not there, or not whole. */
static bool list_line(struct buf *list, str line)
{
	struct object o;
	str type;

	if (!str_cut(&line, ' ', &type) || !id_parse(str_trim(line), &o))
		return false;
	o.is_tag = str_eq(type, S("tag"));
	buf_str(list, (str){ (const char *)&o, sizeof(o) });
	return !list->full;
}

static void mark_shown(struct buf *list, str line)
{
	struct object *all = (struct object *)(void *)list->p, o;
	size_t low = 0, high = list->n / sizeof(o);

	if (!id_parse(line, &o))
		return;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(all[middle].id, o.id, ID_BYTES);

		if (order == 0) {
			all[middle].shown = true;
			return;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
}

/* Everything that is in the store, and then what the history has shown of it. */
static bool list_objects(struct scan *s, const char *const where[2], bool history_shown,
                         struct buf *list)
{
	static const char *const everything[] = { "cat-file", "--batch-all-objects",
		                                  "--batch-check=%(objecttype) %(objectname)", NULL };
	static const char *const reached[] = { "rev-list", "--objects", "--no-object-names", "--all",
		                               "--reflog", NULL };
	struct scan_piece piece;
	bool failed, whole = true;
	struct git git;

	if (!git_start(s->cli->arena, where, everything, -1, &git))
		return false;
	while (scan_reader_next(&git.out, &piece, &failed))
		whole = list_line(list, str_sub(piece.text, 0, piece.text.n - 1)) && whole;
	whole = git_end(&git, true) && !failed && whole;
	/* Whatever this does not tell is read once more: only a matter of time. */
	if (!history_shown || !git_start(s->cli->arena, where, reached, -1, &git))
		return whole;
	while (scan_reader_next(&git.out, &piece, &failed))
		mark_shown(list, str_sub(piece.text, 0, piece.text.n - 1));
	(void)!git_end(&git, true);
	return whole;
}

/* The ids that `git cat-file --batch` is asked for. NULL: no room on the disk. */
static FILE *wanted(const struct buf *list)
{
	const struct object *all = (const struct object *)(const void *)list->p;
	FILE *f = tmpfile();

	for (size_t i = 0; f != NULL && i < list->n / sizeof(*all); i++) {
		if (all[i].shown && !all[i].is_tag)
			continue;
		for (size_t k = 0; k < all[i].id_n; k++)
			fprintf(f, "%02x", all[i].id[k]);
		fputc('\n', f);
	}
	if (f != NULL && (fflush(f) != 0 || fseek(f, 0, SEEK_SET) != 0)) {
		fclose(f);
		f = NULL;
	}
	return f;
}

struct content {
	char    id[OBJECT_SHOWN], type[TYPE_BYTES];
	struct scan_place place;
	int64_t left;                            /* bytes, with the line end that git adds */
};

/* "id type size" */
static bool read_header(struct content *c, str line)
{
	str id, type;

	line = str_sub(line, 0, line.n - 1);
	if (!str_cut(&line, ' ', &id) || !str_cut(&line, ' ', &type) ||
	    type.n + 2 > TYPE_BYTES || !str_i64(line, 0, INT64_MAX - 1, &c->left))
		return false;
	c->left++;
	id = str_sub(id, 0, OBJECT_SHOWN);
	memcpy(c->id, id.p, id.n);
	c->place.object = (str){ c->id, id.n };
	c->place.file = (str){ c->type, (size_t)snprintf(c->type, TYPE_BYTES, "(" FMT_STR ")",
	                                                 ARG_STR(type)) };
	return true;
}

/* No piece goes past the end of an object: it ends in a line end. */
static bool read_contents(struct scan *s, const char *const where[2], FILE *ids, bool *whole_out)
{
	static const char *const words[] = { "cat-file", "--batch", "--buffer", NULL };
	struct content c = { .left = 0 };
	struct scan_piece piece;
	bool room = true, failed = false;
	struct git git;

	*whole_out = false;
	if (!git_start(s->cli->arena, where, words, fileno(ids), &git))
		return true;
	*whole_out = true;
	while (room && scan_reader_next(&git.out, &piece, &failed)) {
		if (c.left == 0) {
			*whole_out = read_header(&c, piece.text) && *whole_out;
			s->objects++;
			continue;
		}
		room = scan_text(s, piece.text, piece.known, &c.place);
		c.left -= (int64_t)(piece.text.n - piece.known);
	}
	*whole_out = git_end(&git, room) && !failed && c.left == 0 && *whole_out;
	return room;
}

bool scan_objects(struct scan *s, const char *const where[2], const char *shown,
                  bool history_shown)
{
	bool room = true, listed, whole = false;
	struct buf list;
	FILE *ids;

	buf_init(&list, LIST_BYTES_MAX);
	listed = list_objects(s, where, history_shown, &list);
	ids = wanted(&list);
	if (ids != NULL) {
		room = read_contents(s, where, ids, &whole);
		fclose(ids);
	}
	buf_fini(&list);
	if (room && !(listed && whole))
		scan_unreadable(s, str_from(shown), "git could not read every object");
	return room;
}
