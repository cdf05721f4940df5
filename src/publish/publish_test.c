/* SPDX-License-Identifier: MIT */
#include "publish/fixture_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "store/account.h"

static const struct project_wish app = { .slug = "app", .source = "en", .languages = "tr de" };
static const struct project_wish spaced = {
	.slug = "app", .source = "en", .languages = "tr", .namespaced = true
};

static void fill(struct world *w, int64_t id)
{
	world_text(w, id, "default", "hello", "en", "Hello", "approved");
	world_text(w, id, "common", "title", "en", "Title", "approved");
	world_text(w, id, "common", "nav.home", "en", "Home", "approved");
	world_text(w, id, "common", "title", "tr", "Başlık", "approved");
}

static const struct json *manifest_of(struct world *w)
{
	struct json_fault fault;
	struct json *v;

	CHECK(json_parse(w->a, world_body(w, "acme/app", "manifest.json"), 16, &v, &fault));
	return v;
}

static str manifest_file(struct world *w, const char *language, const char *what)
{
	const struct json *files = json_get(manifest_of(w), S("files"));

	return json_str(json_get(json_get(files, str_from(language)), str_from(what)));
}

WORLD_TEST(publish_ships_approved_texts_in_sorted_nested_json)
{
	struct world w;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_text(&w, id, "common", "secret", "en", "not yet", "draft");
	CHECK_I64(world_publish(&w, "app").published, 4);
	CHECK_STR(world_body(&w, "acme/app", "en/translations.json"),
		  S("{\"common\":{\"nav\":{\"home\":\"Home\"},\"title\":\"Title\"},\"hello\":"
		    "\"Hello\"}"));
	CHECK_STR(world_body(&w, "acme/app", "tr.json"), S("{\"common\":{\"title\":\"Başlık\"}}"));
	CHECK_STR(world_body(&w, "acme/app", "en/common.json"),
		  S("{\"nav\":{\"home\":\"Home\"},\"title\":\"Title\"}"));
	CHECK(world_body(&w, "acme/app", "de/translations.json").p == NULL);
	world_drop(&w);
}

WORLD_TEST(publish_marks_what_it_shipped_and_nothing_else)
{
	struct world w;
	struct rows r;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_text(&w, id, "common", "later", "en", "draft", "draft");
	world_publish(&w, "app");
	r = WORLD_ROWS(&w, SQL_PENDING_TEXTS, A_I64(id), A_I64(1));
	CHECK_I64((int64_t)r.n, 1);
	CHECK_I64(CELL(&r, 0, 1).i, 1);
	world_drop(&w);
}

WORLD_TEST(publish_of_an_edit_changes_only_that_locale)
{
	struct world w;
	str en, tr, en_version, tr_version, tag;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	en = manifest_file(&w, "en", "lastModified");
	tr = manifest_file(&w, "tr", "lastModified");
	en_version = manifest_file(&w, "en", "version");
	tr_version = manifest_file(&w, "tr", "version");
	tag = world_etag(&w, "acme/app", "en/translations.json");
	world_text(&w, id, "common", "title", "tr", "Yeni", "approved");
	world_publish(&w, "app");
	CHECK_STR(manifest_file(&w, "en", "lastModified"), en);
	CHECK_STR(manifest_file(&w, "en", "version"), en_version);
	CHECK_STR(world_etag(&w, "acme/app", "en/translations.json"), tag);
	CHECK(str_cmp(manifest_file(&w, "tr", "lastModified"), tr) > 0);
	CHECK(!str_eq(manifest_file(&w, "tr", "version"), tr_version));
	world_drop(&w);
}

WORLD_TEST(publish_dates_grow_even_when_the_clock_goes_back)
{
	struct world w;
	str before;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	before = manifest_file(&w, "en", "lastModified");
	clock_shift_ms(-3600 * 1000);
	world_text(&w, id, "common", "title", "en", "Other", "approved");
	world_publish(&w, "app");
	clock_shift_ms(0);
	CHECK(str_cmp(manifest_file(&w, "en", "lastModified"), before) > 0);
	world_drop(&w);
}

WORLD_TEST(publish_without_a_change_keeps_the_snapshot)
{
	struct world w;
	struct rows r;
	str manifest;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	manifest = world_body(&w, "acme/app", "manifest.json");
	world_publish(&w, "app");
	CHECK_STR(world_body(&w, "acme/app", "manifest.json"), manifest);
	r = WORLD_ROWS(&w, SQL_SNAPSHOT_LIVE, A_I64(id));
	CHECK_I64(CELL(&r, 0, 2).i, 1);
	world_drop(&w);
}

WORLD_TEST(publish_keeps_former_versions_under_their_address)
{
	struct world w;
	str version, old, now;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	version = world_publish(&w, "app").version;
	world_text(&w, id, "common", "title", "en", "Second", "approved");
	now = world_publish(&w, "app").version;
	CHECK(version.n >= 11 && !str_eq(version, now));
	old = arena_printf(w.a, "v/" FMT_STR "/en/common.json", ARG_STR(version));
	CHECK_STR(world_body(&w, "acme/app", arena_cstr(w.a, old)),
		  S("{\"nav\":{\"home\":\"Home\"},\"title\":\"Title\"}"));
	old = arena_printf(w.a, "v/" FMT_STR "/en/translations.json", ARG_STR(now));
	CHECK(str_find(world_body(&w, "acme/app", arena_cstr(w.a, old)), S("Second")) > 0);
	/* Unknown versions get what is current. */
	CHECK(str_find(world_body(&w, "acme/app", "v/aaaaaaaa-bbbb/en/translations.json"),
		       S("Second")) > 0);
	world_drop(&w);
}

WORLD_TEST(publish_after_an_unapproved_edit_goes_on_shipping_the_approved_text)
{
	struct world w;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	world_text(&w, id, "common", "title", "tr", "taslak", "draft");
	world_publish(&w, "app");
	CHECK_STR(world_body(&w, "acme/app", "tr/common.json"), S("{\"title\":\"Başlık\"}"));
	world_drop(&w);
}

WORLD_TEST(publish_purges_deleted_keys_for_good)
{
	struct world w;
	struct rows r;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	world_delete_key(&w, id, "common", "title");
	CHECK(str_find(world_body(&w, "acme/app", "en.json"), S("Title")) > 0);
	world_publish(&w, "app");
	CHECK(str_find(world_body(&w, "acme/app", "en.json"), S("Title")) < 0);
	CHECK(world_body(&w, "acme/app", "tr.json").p == NULL);
	r = WORLD_ROWS(&w, SQL_PUBLISH_KEYS_DELETED, A_I64(id));
	CHECK_I64((int64_t)r.n, 0);
	world_drop(&w);
}

WORLD_TEST(publish_lists_the_namespaces_of_a_namespaced_project)
{
	struct world w;
	const struct json *spaces;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &spaced);
	fill(&w, id);
	world_publish(&w, "app");
	CHECK(json_is_true(json_get(manifest_of(&w), S("batch"))));
	spaces = json_get(manifest_of(&w), S("namespaces"));
	CHECK_I64(spaces->count, 2);
	CHECK_STR(json_str(spaces->first), S("common"));
	CHECK_STR(json_str(spaces->first->next), S("default"));
	CHECK_STR(world_body(&w, "acme/app", "en/default.json"), S("{\"hello\":\"Hello\"}"));
	world_drop(&w);
}

WORLD_TEST(publish_is_there_after_a_restart_and_under_the_uuid)
{
	struct world w;
	struct rows r;
	str en, manifest;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	en = world_body(&w, "acme/app", "en.json");
	manifest = world_body(&w, "acme/app", "manifest.json");
	r = WORLD_ROWS(&w, SQL_SITE_BY_ID, A_I64(id));
	world_stop(&w);
	world_start(&w);
	CHECK_STR(world_body(&w, "acme/app", "en.json"), en);
	CHECK_STR(world_body(&w, "acme/app", "manifest.json"), manifest);
	CHECK_STR(world_body(&w, arena_cstr(w.a, CELL(&r, 0, 1).s), "en.json"), en);
	world_drop(&w);
}

WORLD_TEST(publish_back_brings_the_earlier_files_under_new_versions)
{
	struct rollback_in in = { S("acme/app"), 0 };
	struct publish_local_out out;
	struct err e = { 0 };
	struct act act;
	struct world w;
	str first, second;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	first = world_body(&w, "acme/app", "en.json");
	world_text(&w, id, "common", "title", "en", "Mistake", "approved");
	world_publish(&w, "app");
	second = manifest_file(&w, "en", "lastModified");
	act = world_act(&w);
	CHECK(publish_rollback(&act, &in, &out, &e));
	CHECK_STR(world_body(&w, "acme/app", "en.json"), first);
	CHECK(str_cmp(manifest_file(&w, "en", "lastModified"), second) > 0);
	in.to = 99;
	CHECK(!publish_rollback(&act, &in, &out, &e));
	CHECK_I64(e.code, ERR_PRECONDITION_FAILED);
	world_drop(&w);
}

WORLD_TEST(publish_fills_gaps_from_the_source_when_the_project_says_so)
{
	struct world w;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_fill_from_source(&w);
	world_publish(&w, "app");
	CHECK_STR(world_body(&w, "acme/app", "tr.json"),
		  S("{\"common\":{\"nav\":{\"home\":\"Home\"},\"title\":\"Başlık\"},\"hello\":"
		    "\"Hello\"}"));
	CHECK_STR(world_body(&w, "acme/app", "de.json"), world_body(&w, "acme/app", "en.json"));
	world_drop(&w);
}

static bool add_former_names(struct db *db, void *arg, struct err *e)
{
	struct world *w = arg;
	struct rows r;
	struct slug_alias company = { .organization_slug = S("oldco"), .project_slug = S(""),
		                      .organization_id = w->organization_id, .created_ms = 1 };
	struct slug_alias project = company;

	if (!DB_RUN(db, w->a, SQL_PROJECT_BY_SLUGS, &r, e, A_TEXT(S("acme")), A_TEXT(S("app"))))
		return false;
	project.organization_slug = S("acme");
	project.project_slug = S("former");
	project.project_id = CELL(&r, 0, 0).i;
	return store_slug_alias_put(db, w->a, &company, e) &&
	       store_slug_alias_put(db, w->a, &project, e);
}

WORLD_TEST(publish_goes_on_answering_under_former_names)
{
	struct err e = { 0 };
	struct world w;
	int64_t id;
	str en;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	en = world_body(&w, "acme/app", "en.json");
	CHECK(world_body(&w, "oldco/app", "en.json").p == NULL);
	CHECK(jobs_write(w.store, add_former_names, &w, &e));
	CHECK(publisher_refresh(w.publisher, id, &e));
	CHECK_STR(world_body(&w, "oldco/app", "en.json"), en);
	CHECK_STR(world_body(&w, "acme/former", "en.json"), en);
	CHECK_STR(world_body(&w, "acme/app", "en.json"), en);
	CHECK_STR(world_etag(&w, "oldco/app", "manifest.json"),
		  world_etag(&w, "acme/app", "manifest.json"));
	world_drop(&w);
}

static str digest_of_en(struct world *w, int64_t id)
{
	struct rows live = WORLD_ROWS(w, SQL_SNAPSHOT_LIVE, A_I64(id));
	struct rows files = WORLD_ROWS(w, SQL_SNAPSHOT_FILES, A_I64(CELL(&live, 0, 0).i));

	for (size_t i = 0; i < files.n; i++)
		if (str_eq(CELL(&files, i, 0).s, S("en")) && CELL(&files, i, 1).s.n == 0)
			return CELL(&files, i, 3).s;
	return STR_NONE;
}

struct watching { struct world *w; atomic_bool stop; atomic_int torn, seen; };

static bool body_has(struct file *f, str what)
{
	struct hot *h = f ? file_hot(f, FILE_CURRENT) : NULL;

	return !h || str_find(h->body[HOT_IDENTITY], what) >= 0;
}

/* Both locales carry the number of the same publish, and the manifest their times. */
static void watch_once(struct watching *x, struct arena *a)
{
	struct site *s;
	struct live *l;
	struct file *en, *tr;
	struct hot *h;

	index_read_begin();
	s = publisher_site(x->w->publisher, S("acme/app"));
	l = s ? site_live(s) : NULL;
	en = l ? live_file(l, S("en"), S("")) : NULL;
	tr = l ? live_file(l, S("tr"), S("")) : NULL;
	h = en ? file_hot(en, FILE_CURRENT) : NULL;
	if (h) {
		str body = h->body[HOT_IDENTITY];

		atomic_fetch_add(&x->seen, 1);
		if (!body_has(tr, str_sub(body, (size_t)str_find(body, S("#")), 5)) ||
		    !body_has(&l->manifest, clock_iso(a, en->changed_ms)) ||
		    !body_has(&l->manifest, tr->version))
			atomic_fetch_add(&x->torn, 1);
	}
	index_read_end();
}

static void *watch(void *arg)
{
	struct watching *x = arg;
	struct arena *a = arena_create(KIB);

	index_thread_in();
	while (!atomic_load(&x->stop)) {
		watch_once(x, a);
		arena_reset(a);
	}
	index_thread_out();
	arena_destroy(a);
	return NULL;
}

WORLD_TEST(publish_is_seen_whole_or_not_at_all)
{
	struct watching x = { 0 };
	pthread_t threads[2];
	struct world w;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	x.w = &w;
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, watch, &x) == 0);
	for (int i = 0; i < 25; i++) {
		char *text = arena_cstr(w.a, arena_printf(w.a, "#%04d", i));

		world_text(&w, id, "common", "a", "en", text, "approved");
		world_text(&w, id, "common", "a", "tr", text, "approved");
		world_publish(&w, "app");
	}
	atomic_store(&x.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK(x.seen > 0);
	CHECK_I64(x.torn, 0);
	world_drop(&w);
}

WORLD_TEST(publish_compresses_better_behind_and_serves_that)
{
	static const char *const words[] = { "translation", "language", "message", "publish",
					     "sign in",	    "cart",	"order" };
	struct err e = { 0 };
	struct buf text, br;
	struct world w;
	int64_t id;
	size_t at_once;
	str digest, en;

	world_make(&w, f, NULL);
	world_stop(&w);
	w.behind = true;
	world_start(&w);
	id = world_project(&w, &app);
	buf_init_arena(&text, w.a, MIB);
	for (unsigned i = 0, r = 7; i < 4000; i++, r = r * 1103515245u + 12345u)
		buf_printf(&text, "%s %u ", words[(r >> 16) % COUNT(words)], (r >> 20) % 50);
	world_text(&w, id, "common", "a", "en", arena_cstr(w.a, buf_view(&text)), "approved");
	world_publish(&w, "app");
	en = world_body(&w, "acme/app", "en.json");
	digest = digest_of_en(&w, id);
	buf_init(&br, MIB);
	CHECK(blobs_get(w.blobs, digest, BLOB_BROTLI, &br, &e));
	at_once = br.n;
	for (int i = 0; i < 500 && br.n >= at_once; i++) {
		usleep(10000);
		buf_reset(&br);
		CHECK(blobs_get(w.blobs, digest, BLOB_BROTLI, &br, &e));
	}
	CHECK(br.n < at_once);
	CHECK_STR(world_body(&w, "acme/app", "en.json"), en);
	buf_fini(&br);
	world_drop(&w);
}

/* Faults --------------------------------------------------------------------------------------- */

static void spoil(struct world *w, str digest, const char *suffix, bool remove_it)
{
	str path = arena_printf(w->a, "%s/blob/%.2s/" FMT_STR "%s", w->path, digest.p,
				ARG_STR(digest), suffix);
	char *name = arena_cstr(w->a, path);
	int fd;

	if (remove_it) {
		CHECK(unlink(name) == 0);
		return;
	}
	fd = open(name, O_WRONLY);
	CHECK(fd >= 0 && pwrite(fd, "XX", 2, 1) == 2 && close(fd) == 0);
}

static str long_text(struct world *w)
{
	char *p = arena_text(w->a, 2000);

	memset(p, 'a', 2000);
	return (str){ p, 2000 };
}

WORLD_TEST(publish_mends_a_lost_body_from_its_compressed_form)
{
	struct world w;
	str en;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_text(&w, id, "common", "long", "en", arena_cstr(w.a, long_text(&w)), "approved");
	world_publish(&w, "app");
	en = world_body(&w, "acme/app", "en.json");
	world_stop(&w);
	world_start(&w);
	spoil(&w, digest_of_en(&w, id), "", false);
	spoil(&w, digest_of_en(&w, id), ".br", true);
	CHECK_STR(world_body(&w, "acme/app", "en.json"), en);
	CHECK(blobs_has(w.blobs, digest_of_en(&w, id), BLOB_BROTLI));
	world_drop(&w);
}

WORLD_TEST(publish_makes_a_lost_body_again_from_the_published_texts)
{
	struct strs problems = { 0 };
	struct err e = { 0 };
	struct world w;
	str en = STR_NONE, want;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	want = world_body(&w, "acme/app", "en.json");
	/* Edited since: the repair must not publish that. */
	world_text(&w, id, "common", "title", "en", "Unpublished", "approved");
	world_delete_key(&w, id, "default", "hello");
	world_stop(&w);
	world_start(&w);
	spoil(&w, digest_of_en(&w, id), "", true);
	CHECK(publisher_verify(w.publisher, w.a, &problems, &e));
	CHECK_I64((int64_t)problems.n, 1);
	CHECK(world_body(&w, "acme/app", "en.json").p == NULL);
	for (int i = 0; i < 500 && !en.p; i++) {
		usleep(10000);
		en = world_body(&w, "acme/app", "en.json");
	}
	CHECK_STR(en, want);
	problems = (struct strs){ 0 };
	CHECK(publisher_verify(w.publisher, w.a, &problems, &e));
	CHECK_I64((int64_t)problems.n, 0);
	world_drop(&w);
}

WORLD_TEST(publish_on_a_full_disk_fails_as_unavailable_and_changes_nothing)
{
	struct publish_local_out out;
	struct rlimit before, tight;
	struct err e = { 0 };
	struct world w;
	struct rows r;
	str en;
	int64_t id;
	char *big;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	en = world_body(&w, "acme/app", "en.json");
	big = arena_text(w.a, 8 * MIB + 1);
	for (size_t i = 0; i < 8 * MIB; i++)
		big[i] = (char)('a' + i * 2654435761u % 26);
	big[8 * MIB] = 0;
	world_text(&w, id, "common", "big", "en", big, "approved");
	signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
	tight = before;
	tight.rlim_cur = 7 * MIB;
	CHECK(setrlimit(RLIMIT_FSIZE, &tight) == 0);
	CHECK(!world_try_publish(&w, "app", &out, &e));
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
	CHECK_I64(e.code, ERR_UNAVAILABLE);
	CHECK(e.retry_after_s > 0);
	CHECK_STR(world_body(&w, "acme/app", "en.json"), en);
	r = WORLD_ROWS(&w, SQL_SNAPSHOT_LIVE, A_I64(id));
	CHECK_I64(CELL(&r, 0, 2).i, 1);
	r = WORLD_ROWS(&w, SQL_PENDING_TEXTS, A_I64(id), A_I64(0));
	CHECK_I64(CELL(&r, 0, 1).i, 1);
	/* And then it works. */
	world_publish(&w, "app");
	CHECK(world_body(&w, "acme/app", "en.json").n > 8 * MIB);
	world_drop(&w);
}

WORLD_TEST(publish_that_lost_its_process_after_the_commit_is_finished_by_the_next)
{
	struct world w;
	struct rows r;
	str en, manifest;
	int64_t id;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	world_publish(&w, "app");
	en = world_body(&w, "acme/app", "en.json");
	manifest = world_body(&w, "acme/app", "manifest.json");
	/* As if nothing had been marked: the same texts wait again, and the job is open. */
	world_unfinish(&w);
	r = WORLD_ROWS(&w, SQL_PENDING_TEXTS, A_I64(id), A_I64(0));
	CHECK(r.n > 0);
	world_stop(&w);
	world_start(&w);
	for (int i = 0; i < 500 && r.n > 0; i++) {
		usleep(10000);
		r = WORLD_ROWS(&w, SQL_PENDING_TEXTS, A_I64(id), A_I64(0));
	}
	CHECK_I64((int64_t)r.n, 0);
	CHECK_STR(world_body(&w, "acme/app", "en.json"), en);
	CHECK_STR(world_body(&w, "acme/app", "manifest.json"), manifest);
	world_drop(&w);
}

/* Memory and retention ------------------------------------------------------------------------- */

WORLD_TEST(publish_keeps_within_its_memory_and_reads_back_what_it_dropped)
{
	struct world w;
	int64_t id;
	str text;

	world_make(&w, f, NULL);
	world_stop(&w);
	w.memory_bytes_max = 4 * KIB;
	world_start(&w);
	id = world_project(&w, &spaced);
	for (int i = 0; i < 20; i++) {
		text = arena_printf(w.a, "%d" FMT_STR, i, ARG_STR(long_text(&w)));
		world_text(&w, id, arena_cstr(w.a, arena_printf(w.a, "n%d", i)), "k", "en",
			   arena_cstr(w.a, text), "approved");
	}
	world_publish(&w, "app");
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 20; i++) {
			str rest = arena_printf(w.a, "en/n%d.json", i);

			text = arena_printf(w.a, "{\"k\":\"%d" FMT_STR "\"}", i,
					    ARG_STR(long_text(&w)));
			CHECK_STR(world_body(&w, "acme/app", arena_cstr(w.a, rest)), text);
		}
	CHECK(publisher_memory(w.publisher) <= 16 * KIB);
	world_drop(&w);
}

WORLD_TEST(publish_sweep_drops_old_snapshots_and_later_their_bodies)
{
	struct publish_sweep swept;
	struct err e = { 0 };
	struct world w;
	str version, old;
	int64_t id, later;

	world_make(&w, f, NULL);
	id = world_project(&w, &app);
	fill(&w, id);
	version = world_publish(&w, "app").version;
	for (int i = 0; i < 4; i++) {
		world_text(&w, id, "common", "title", "en",
			   arena_cstr(w.a, arena_printf(w.a, "v%d", i)), "approved");
		world_publish(&w, "app");
	}
	later = clock_now_ms() + INT64_C(40) * 24 * 3600 * 1000;
	CHECK(publisher_sweep(w.publisher, clock_now_ms(), &swept, &e));
	CHECK_I64(swept.snapshots, 0);
	CHECK(publisher_sweep(w.publisher, later, &swept, &e));
	CHECK_I64(swept.snapshots, 2);
	CHECK_I64(swept.bodies, 0);
	old = arena_printf(w.a, "v/" FMT_STR "/en/common.json", ARG_STR(version));
	CHECK(str_find(world_body(&w, "acme/app", arena_cstr(w.a, old)), S("v3")) > 0);
	clock_shift_ms(INT64_C(2) * 24 * 3600 * 1000);
	CHECK(publisher_sweep(w.publisher, clock_now_ms(), &swept, &e));
	clock_shift_ms(0);
	CHECK(swept.bodies > 0);
	world_stop(&w);
	world_start(&w);
	CHECK(str_find(world_body(&w, "acme/app", "en.json"), S("v3")) > 0);
	world_drop(&w);
}
