/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target over the files and directories given, without a fuzzer: for any compiler, and in
 * every test run. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES_MAX = 4096, INPUT_BYTES_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t replayed;

static int complain(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s\n", path, what);
	return 1;
}

/* Into memory of exactly its size, so that a sanitizer sees a read past the end. */
static int replay_file(const char *path, size_t size)
{
	uint8_t *data;
	FILE *file;
	size_t n;

	if (size > INPUT_BYTES_MAX)
		return complain(path, "too large");
	file = fopen(path, "rbe");
	data = malloc(size > 0 ? size : 1);
	if (file == NULL || data == NULL)
		return complain(path, strerror(errno));
	n = fread(data, 1, size, file);
	fclose(file);
	if (n != size)
		return complain(path, "cannot be read");
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
	return 0;
}

static int replay_path(const char *path);

static int replay_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int status = 0;

	if (dir == NULL)
		return complain(path, strerror(errno));
	while (status == 0 && (entry = readdir(dir)) != NULL) {
		char inner[PATH_BYTES_MAX];

		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name) >= (int)sizeof(inner))
			status = complain(path, "name too long");
		else
			status = replay_path(inner);
	}
	closedir(dir);
	return status;
}

static int replay_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return complain(path, strerror(errno));
	return S_ISDIR(st.st_mode) ? replay_directory(path) : replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (replay_path(argv[i]) != 0)
			return 1;
	if (replayed == 0)
		return complain(argv[0], "nothing to replay: give files or directories");
	printf("%zu inputs replayed\n", replayed);
	return 0;
}
