/* SPDX-License-Identifier: MIT
 *
 * bench_client BASE_URL STORE [ROUNDS]: times libbi18n against a running server. The application is BI18N_CLIENT_ID
 * and BI18N_CLIENT_SECRET. Prints an authorize URL, reads where the browser came back to, then "name value" lines. */
#include <bi18n.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_MAX_BYTES = 8192, THREADS_MAX = 2, NS_PER_S = 1000000000, TOKEN_CALLS_A_ROUND = 32768, REQUESTS = 200,
       ROUNDS_DEFAULT = 151, ROUNDS_MAX = 1001 };

static const char owner[] = "bench";
static int        rounds = ROUNDS_DEFAULT;
static const char path[] = "/api/oauth-client/organizations";

/* Memory, counted ----------------------------------------------------------------------------------- */

static atomic_size_t live_bytes;

static void *allocate(void *context, size_t bytes)
{
	size_t *block = malloc(sizeof(max_align_t) + bytes);

	(void)context;
	if (block == NULL)
		return NULL;
	*block = bytes;
	atomic_fetch_add(&live_bytes, bytes);
	return (char *)block + sizeof(max_align_t);
}

static void release(void *context, void *memory)
{
	size_t *block;

	(void)context;
	if (memory == NULL)
		return;
	block = (size_t *)(void *)((char *)memory - sizeof(max_align_t));
	atomic_fetch_sub(&live_bytes, *block);
	free(block);
}

/* Times --------------------------------------------------------------------------------------------- */

static double seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / NS_PER_S;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static _Noreturn void fail(const struct bi18n_error *error)
{
	fprintf(stderr, "bench_client: %s: %s\n", bi18n_code_name(error->code), error->message);
	exit(EXIT_FAILURE);
}

/* Tokens from memory -------------------------------------------------------------------------------- */

struct reader {
	struct bi18n *client;
	const char   *organization;
	double        ns;
};

static void *read_tokens(void *context)
{
	struct reader *r = context;
	char           token[BI18N_TOKEN_MAX];
	double         started = seconds(CLOCK_THREAD_CPUTIME_ID);
	int            calls = rounds * TOKEN_CALLS_A_ROUND;

	for (int i = 0; i < calls; i++) {
		if (bi18n_installation_token(r->client, owner, r->organization, NULL, token, NULL, NULL) != BI18N_OK)
			exit(EXIT_FAILURE);
	}
	r->ns = (seconds(CLOCK_THREAD_CPUTIME_ID) - started) * NS_PER_S / calls;
	return NULL;
}

/* The slowest thread's time for one call, on its processor: waiting for another thread's cache line is in it, waiting
 * for a processor that somebody else uses is not. */
static double token_ns(struct bi18n *client, const char *organization, int threads_n)
{
	struct reader readers[THREADS_MAX];
	pthread_t     threads[THREADS_MAX];
	double        worst = 0;

	for (int i = 0; i < threads_n; i++) {
		readers[i] = (struct reader){ client, organization, 0 };
		if (pthread_create(&threads[i], NULL, read_tokens, &readers[i]) != 0)
			exit(EXIT_FAILURE);
	}
	for (int i = 0; i < threads_n; i++) {
		pthread_join(threads[i], NULL);
		worst = readers[i].ns > worst ? readers[i].ns : worst;
	}
	return worst;
}

/* Requests, beside bare libcurl --------------------------------------------------------------------- */

struct body {
	char  *p;
	size_t n;
};

static size_t on_body(char *data, size_t size, size_t n, void *context)
{
	struct body *b = context;
	char        *p = realloc(b->p, b->n + size * n);

	if (p == NULL)
		return 0;
	memcpy(p + b->n, data, size * n);
	b->p = p;
	b->n += size * n;
	return size * n;
}

/* The same request, byte for byte. */
static CURL *bare_open(const char *base, const char *token, struct curl_slist **headers)
{
	char  url[BI18N_URL_MAX], header[BI18N_TOKEN_MAX + 32];
	CURL *easy = curl_easy_init();

	snprintf(url, sizeof(url), "%s%s", base, path);
	snprintf(header, sizeof(header), "Authorization: Bearer %s", token);
	*headers = curl_slist_append(curl_slist_append(NULL, "User-Agent: libbi18n/0.1.0"), header);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	return easy;
}

struct cost {
	double wall_us, cpu_us;
};

static void bare_once(CURL *easy)
{
	struct body body = { NULL, 0 };
	long        status = 0;

	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
	if (curl_easy_perform(easy) != CURLE_OK || curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
	    status != 200)
		exit(EXIT_FAILURE);
	free(body.p);
}

static void ours_once(struct bi18n *client, const char *organization)
{
	struct bi18n_request request = { .method = "GET", .path = path };
	struct bi18n_answer *answer;
	struct bi18n_error   error;

	if (bi18n_request(client, owner, organization, &request, NULL, &answer, &error) != BI18N_OK)
		fail(&error);
	bi18n_free(answer);
}

/* client NULL: bare. */
static struct cost requests(struct bi18n *client, const char *organization, CURL *easy)
{
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);

	for (int i = 0; i < REQUESTS; i++) {
		if (client != NULL)
			ours_once(client, organization);
		else
			bare_once(easy);
	}
	return (struct cost){ (seconds(CLOCK_MONOTONIC) - wall) * 1e6 / REQUESTS,
		              (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu) * 1e6 / REQUESTS };
}

/* Interleaved, so that a slow moment of the machine hits both. */
static void compare(struct bi18n *client, const char *organization, const char *base, const char *token)
{
	struct curl_slist *headers;
	CURL              *easy = bare_open(base, token, &headers);
	double             bare_wall[ROUNDS_MAX], ours_wall[ROUNDS_MAX], ratio[ROUNDS_MAX], bare_cpu[ROUNDS_MAX],
	                   ours_cpu[ROUNDS_MAX], ratio_cpu[ROUNDS_MAX];
	size_t             n = (size_t)rounds;

	requests(client, organization, NULL);
	requests(NULL, NULL, easy);
	for (int i = 0; i < rounds; i++) {
		struct cost bare = requests(NULL, NULL, easy), ours = requests(client, organization, NULL);

		bare_wall[i] = bare.wall_us;
		ours_wall[i] = ours.wall_us;
		ratio[i] = ours.wall_us / bare.wall_us;
		bare_cpu[i] = bare.cpu_us;
		ours_cpu[i] = ours.cpu_us;
		ratio_cpu[i] = ours.cpu_us / bare.cpu_us;
	}
	printf("curl_us %.2f\nrequest_us %.2f\n", median(bare_wall, n), median(ours_wall, n));
	printf("overhead_percent %.1f\n", (median(ratio, n) - 1) * 100);
	printf("overhead_cpu_percent %.1f\n", (median(ratio_cpu, n) - 1) * 100);
	printf("curl_cpu_us %.2f\nrequest_cpu_us %.2f\n", median(bare_cpu, n), median(ours_cpu, n));
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
}

/* ---------------------------------------------------------------------------------------------------- */

static struct bi18n *client_open(const char *base, const char *store)
{
	static const struct bi18n_allocator allocator = { NULL, allocate, release };
	struct bi18n_key     key = { .id = 1, .bytes = "0123456789abcdef0123456789abcde" };
	struct bi18n_options options = {
		.client_id = getenv("BI18N_CLIENT_ID"), .client_secret = getenv("BI18N_CLIENT_SECRET"),
		.redirect_uri = "https://partner.example/callback", .base_url = base, .store = store, .keys = &key,
		.keys_n = 1, .allocator = &allocator,
	};
	struct bi18n      *client;
	struct bi18n_error error;

	if (bi18n_open(&options, &client, &error) != BI18N_OK)
		fail(&error);
	return client;
}

static struct bi18n_connections *connect_all(struct bi18n *client)
{
	struct bi18n_authorize     request = { .owner_id = owner, .scopes = "org:read" };
	struct bi18n_authorization authorization;
	struct bi18n_connections  *connections;
	struct bi18n_error         error;
	char                       line[LINE_MAX_BYTES];

	if (bi18n_authorize_url(client, &request, &authorization, &error) != BI18N_OK)
		fail(&error);
	printf("%s\n", authorization.url);
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL)
		exit(EXIT_FAILURE);
	line[strcspn(line, "\n")] = '\0';
	if (bi18n_callback(client, owner, line, NULL, &connections, &error) != BI18N_OK)
		fail(&error);
	return connections;
}

/* Uses each connection once; tells how many there are and the slug of one. */
static size_t warm_up(struct bi18n *client, char organization[BI18N_ID_MAX])
{
	struct bi18n_connections *connections = connect_all(client);
	struct bi18n_error        error;
	char                      token[BI18N_TOKEN_MAX];
	size_t                    n = connections->n;

	for (size_t i = 0; i < n; i++) {
		snprintf(organization, BI18N_ID_MAX, "%s", connections->v[i].organization_slug);
		if (bi18n_installation_token(client, owner, organization, NULL, token, NULL, &error) != BI18N_OK)
			fail(&error);
	}
	bi18n_wipe(token, sizeof(token));
	bi18n_free(connections);
	return n;
}

static bool rounds_read(const char *text)
{
	char rest;

	return sscanf(text, "%4d%c", &rounds, &rest) == 1 && rounds > 0 && rounds <= ROUNDS_MAX;
}

/* How much more two threads get from memory than one does; 2 is all that two cores can give. */
static void tokens(struct bi18n *client, const char *organization)
{
	double one = token_ns(client, organization, 1), two = token_ns(client, organization, 2);

	printf("token_ns_1 %.1f\ntoken_ns_2 %.1f\ntoken_scaling %.2f\n", one, two, 2 * one / two);
}

int main(int argc, char **argv)
{
	struct bi18n_error error;
	struct bi18n      *client;
	char               token[BI18N_TOKEN_MAX], organization[BI18N_ID_MAX];
	size_t             before, n;

	if (argc < 3 || argc > 4 || (argc == 4 && !rounds_read(argv[3]))) {
		fprintf(stderr, "Usage: bench_client BASE_URL STORE [ROUNDS]\n");
		return EXIT_FAILURE;
	}
	client = client_open(argv[1], argv[2]);
	before = atomic_load(&live_bytes);
	n = warm_up(client, organization);
	printf("bytes_per_connection %.0f\n", (double)(atomic_load(&live_bytes) - before) / (double)n);
	if (bi18n_installation_token(client, owner, organization, NULL, token, NULL, &error) != BI18N_OK)
		fail(&error);
	tokens(client, organization);
	compare(client, organization, argv[1], token);
	bi18n_wipe(token, sizeof(token));
	bi18n_close(&client);
	return EXIT_SUCCESS;
}
