/*
 * raw.c - the same work as a mount's, done by a program that does nothing else: the verbs of s3/
 * from N threads, a connection each. No FUSE, no staging, no queue. What bench/run measures itself
 * against: the ceiling. Prints one line of JSON.
 *
 *	bench/raw URL REGION BUCKET CONNECTIONS WORK ARGUMENT...
 *
 *	put PREFIX N SIZE	N new objects, PREFIX000000 and so on
 *	tree DIR PREFIX		each file of a directory tree
 *	upload FILE KEY [SIZE]	one large object in parts, of this size or of s3/part.h's
 *	get KEY			read it all, in ranges, bytes dropped
 *	random KEY N SIZE	N ranges of it, one after the other
 *	list PREFIX		the pages of one folder
 *	heads PREFIX		the same, and a HEAD for each key
 *	rm PREFIX		list, delete each
 *	copy KEY NEW		one CopyObject
 *	move PREFIX NEW		list, copy and delete each
 *	append KEY SIZE		UploadPartCopy of what is there, one more part
 *	change KEY OFFSET SIZE	the parts beside it copied, the part around it read and sent
 *
 * Credentials come from the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/io.h"
#include "base/log.h"
#include "s3/list.h"
#include "s3/mpu.h"
#include "s3/object.h"
#include "s3/part.h"

#define RANGE (8 * MIB) /* of a GET */

struct work;
typedef int item_fn(struct work *w, size_t i, struct s3_error *err);

struct work {
	struct s3_client *client;
	unsigned connections;
	item_fn *item;
	size_t n;
	size_t next; /* atomic */
	int failed;  /* atomic; -errno of the first that failed */
	const char *key;
	const char *to;
	uint64_t size;
	uint64_t offset;
	uint64_t part; /* of an upload; 0: the sizes of s3/part.h */
	char *bytes; /* of a small object */
	int fd;
	char *id; /* of the upload */
	enum mpu_sum sum;
	struct mpu_part *parts;
	char **names; /* keys, or paths */
	size_t names_max;
	double *took; /* milliseconds of each item */
};

static void must(int err, const char *what, const struct s3_error *e)
{
	char text[400];

	if (err >= 0)
		return;
	fprintf(stderr, "raw: %s: %s", what, errno_text(err, text, sizeof(text)));
	fprintf(stderr, " %s\n", e ? s3_error_text(e, text, sizeof(text)) : "");
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* --- N threads ------------------------------------------------------------------------------------ */

static void *run_items(void *arg)
{
	struct work *w = arg;
	struct s3_error err = { 0 };

	for (;;) {
		size_t i = __atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED);
		double began = now_ms();

		if (i >= w->n)
			return NULL;
		must(w->item(w, i, &err), "a request", &err);
		w->took[i] = now_ms() - began;
	}
}

static void run_all(struct work *w, item_fn *item, size_t n)
{
	pthread_t threads[256];
	unsigned many = (unsigned)min_of((size_t)min_of(w->connections, 256u), n);

	free(w->took);
	w->item = item;
	w->n = n;
	w->next = 0;
	w->took = calloc(n + 1, sizeof(*w->took));
	must(w->took ? 0 : -ENOMEM, "memory", NULL);
	for (unsigned i = 0; i < many; i++)
		must(-pthread_create(&threads[i], NULL, run_items, w), "thread", NULL);
	for (unsigned i = 0; i < many; i++)
		pthread_join(threads[i], NULL);
}

static void add_name(struct work *w, const char *name)
{
	if (w->n == w->names_max) {
		w->names_max = w->names_max ? w->names_max * 2 : 1024;
		w->names = realloc(w->names, w->names_max * sizeof(*w->names));
		must(w->names ? 0 : -ENOMEM, "memory", NULL);
	}
	must(str_dup(name, &w->names[w->n]), "memory", NULL);
	w->n++;
}

/* --- the items ------------------------------------------------------------------------------------ */

static int from_memory(void *arg, void *dst, size_t n, uint64_t off)
{
	memcpy(dst, (const char *)arg + off, n);
	return 0;
}

static int put_item(struct work *w, size_t i, struct s3_error *err)
{
	struct s3_info info = { 0 };
	char key[S3_KEY_MAX];
	int rc;

	snprintf(key, sizeof(key), "%s%06zu", w->key, i);
	rc = object_put(w->client, key, NULL, from_memory, w->bytes, w->size, &info, err);
	s3_info_free(&info);
	return rc;
}

static int put_file_item(struct work *w, size_t i, struct s3_error *err)
{
	const char *path = w->names[i] + w->offset;
	struct s3_info info = { 0 };
	char key[S3_KEY_MAX], *bytes;
	struct stat st;
	int fd = open(w->names[i], O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	bytes = malloc((size_t)st.st_size + 1);
	must(bytes ? io_pread_full(fd, bytes, (size_t)st.st_size, 0) : -ENOMEM, path, NULL);
	snprintf(key, sizeof(key), "%s%s", w->to, path);
	rc = object_put(w->client, key, NULL, from_memory, bytes, (uint64_t)st.st_size, &info, err);
	s3_info_free(&info);
	free(bytes);
	close(fd);
	return rc;
}

struct part_of_file {
	int fd;
	uint64_t start;
};

static int from_file(void *arg, void *dst, size_t n, uint64_t off)
{
	const struct part_of_file *p = arg;

	return io_pread_full(p->fd, dst, n, p->start + off);
}

static struct s3_range range_of(const struct work *w, size_t i)
{
	uint64_t start = i * w->part;

	return w->part ? (struct s3_range){ start, min_of(start + w->part, w->size) }
		       : part_range_in((unsigned)i + 1, w->size);
}

static int part_item(struct work *w, size_t i, struct s3_error *err)
{
	struct s3_range r = range_of(w, i);
	struct part_of_file p = { .fd = w->fd, .start = r.start };

	return mpu_part_put(w->client, w->key, w->id, w->sum, (unsigned)i + 1, from_file, &p,
			    r.end - r.start, &w->parts[i], err);
}

static int get_range(struct work *w, uint64_t start, uint64_t end, struct s3_error *err)
{
	char *bytes = malloc(end - start);
	size_t got;
	int rc = bytes ? object_get_range(w->client, w->key, NULL, NULL,
					  (struct s3_range){ start, end }, bytes, &got, err)
		       : -ENOMEM;

	free(bytes);
	return rc == 0 && got != end - start ? -EIO : rc;
}

static int get_item(struct work *w, size_t i, struct s3_error *err)
{
	return get_range(w, i * RANGE, min_of((i + 1) * RANGE, w->size), err);
}

static int random_item(struct work *w, size_t i, struct s3_error *err)
{
	uint64_t at = (i * 2654435761u) % (w->size / w->offset) * w->offset;

	return get_range(w, at, at + w->offset, err);
}

static int head_item(struct work *w, size_t i, struct s3_error *err)
{
	struct s3_info info = { 0 };
	int rc = object_head(w->client, w->names[i], NULL, &info, err);

	s3_info_free(&info);
	return rc;
}

static int delete_item(struct work *w, size_t i, struct s3_error *err)
{
	auto_free char *version = NULL;

	return object_delete(w->client, w->names[i], &version, err);
}

static int move_item(struct work *w, size_t i, struct s3_error *err)
{
	struct s3_info info = { 0 };
	char key[S3_KEY_MAX];
	int rc;

	snprintf(key, sizeof(key), "%s%s", w->to, w->names[i] + strlen(w->key));
	rc = object_copy(w->client, w->names[i], NULL, NULL, 0, key, NULL, &info, err);
	s3_info_free(&info);
	return rc ? rc : delete_item(w, i, err);
}

/* --- the works ------------------------------------------------------------------------------------ */

static void list_all(struct work *w)
{
	auto_free char *token = NULL;
	bool more = true;

	w->n = 0;
	while (more) {
		struct s3_error err = { 0 };
		struct s3_page page = { 0 };

		must(list_keys(w->client, w->key, NULL, token, 1000, &page, &err), "list", &err);
		for (size_t i = 0; i < page.n; i++)
			add_name(w, page.entries[i].key);
		more = page.truncated;
		free(token);
		token = take_ptr(&page.next_token);
		s3_page_free(&page);
	}
}

static void list_and(struct work *w, item_fn *item)
{
	list_all(w);
	if (item)
		run_all(w, item, w->n);
}

static void head_size(struct work *w)
{
	struct s3_info info = { 0 };
	struct s3_error err = { 0 };

	must(object_head(w->client, w->key, NULL, &info, &err), "head", &err);
	w->size = info.size;
	s3_info_free(&info);
}

static void mpu_begin(struct work *w, size_t parts)
{
	struct s3_error err = { 0 };

	w->parts = calloc(parts, sizeof(*w->parts));
	must(w->parts ? 0 : -ENOMEM, "memory", NULL);
	must(mpu_create(w->client, w->key, NULL, &w->id, &w->sum, &err), "create", &err);
}

static void mpu_end(struct work *w, size_t parts)
{
	struct s3_info info = { 0 };
	struct s3_error err = { 0 };

	must(mpu_complete(w->client, w->key, w->id, w->parts, parts, NULL, NULL, &info, &err),
	     "complete", &err);
	s3_info_free(&info);
	free(w->parts);
	free(w->id);
}

static void upload(struct work *w, const char *path)
{
	struct stat st;
	size_t parts;

	w->fd = open(path, O_RDONLY | O_CLOEXEC);
	must(w->fd < 0 || fstat(w->fd, &st) != 0 ? -errno : 0, path, NULL);
	w->size = (uint64_t)st.st_size;
	parts = w->part ? (w->size + w->part - 1) / w->part : part_count(w->size);
	mpu_begin(w, parts);
	run_all(w, part_item, parts);
	mpu_end(w, parts);
	close(w->fd);
}

static void part_copy(struct work *w, size_t i, uint64_t start, uint64_t end)
{
	struct s3_error err = { 0 };

	must(mpu_part_copy(w->client, w->key, w->id, w->sum, (unsigned)i + 1, w->key, NULL, NULL,
			   (struct s3_range){ start, end }, &w->parts[i], &err),
	     "part copy", &err);
}

static void part_memory(struct work *w, size_t i, char *bytes, uint64_t size)
{
	struct s3_error err = { 0 };

	must(mpu_part_put(w->client, w->key, w->id, w->sum, (unsigned)i + 1, from_memory, bytes,
			  size, &w->parts[i], &err),
	     "part", &err);
}

static void append(struct work *w, uint64_t size)
{
	auto_free char *bytes = calloc(1, size);

	head_size(w);
	mpu_begin(w, 2);
	part_copy(w, 0, 0, w->size);
	part_memory(w, 1, bytes, size);
	mpu_end(w, 2);
}

static void change(struct work *w, uint64_t offset, uint64_t size)
{
	uint64_t start = offset / PART_SIZE_MIN * PART_SIZE_MIN, end = start + 2 * PART_SIZE_MIN;
	auto_free char *bytes = NULL;
	struct s3_error err = { 0 };
	size_t got;

	head_size(w);
	if (start == 0 || end >= w->size || offset + size > end)
		must(-EINVAL, "change: not in the middle", NULL);
	bytes = malloc(end - start);
	must(bytes ? 0 : -ENOMEM, "memory", NULL);
	must(object_get_range(w->client, w->key, NULL, NULL, (struct s3_range){ start, end }, bytes,
			      &got, &err),
	     "get", &err);
	memset(bytes + (offset - start), 1, size);
	mpu_begin(w, 3);
	part_copy(w, 0, 0, start);
	part_memory(w, 1, bytes, end - start);
	part_copy(w, 2, end, w->size);
	mpu_end(w, 3);
}

static struct work *tree_of; /* nftw has no argument */

static int on_tree(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_F)
		add_name(tree_of, path);
	return 0;
}

static void tree(struct work *w, const char *dir)
{
	w->offset = strlen(dir);
	tree_of = w;
	must(nftw(dir, on_tree, 32, FTW_PHYS), dir, NULL);
	run_all(w, put_file_item, w->n);
}

static uint64_t number(const char *s)
{
	uint64_t v = 0;

	must(s ? parse_u64(s, &v) : -EINVAL, "a number", NULL);
	return v;
}

static bool run(struct work *w, const char *verb, char **args, int n)
{
	const char *a = n > 0 ? args[0] : NULL, *b = n > 1 ? args[1] : NULL;
	const char *c = n > 2 ? args[2] : NULL;
	struct s3_error err = { 0 };
	struct s3_info info = { 0 };

	w->key = a;
	w->to = b;
	if (strcmp(verb, "put") == 0 && c) {
		w->size = number(c);
		w->bytes = calloc(1, w->size + 1);
		run_all(w, put_item, number(b));
	} else if (strcmp(verb, "tree") == 0 && b) {
		tree(w, a);
	} else if (strcmp(verb, "upload") == 0 && b) {
		w->key = b;
		w->part = c ? number(c) : 0;
		upload(w, a);
	} else if (strcmp(verb, "get") == 0 && a) {
		head_size(w);
		run_all(w, get_item, (w->size + RANGE - 1) / RANGE);
	} else if (strcmp(verb, "random") == 0 && c) {
		head_size(w);
		w->offset = number(c);
		run_all(w, random_item, number(b));
	} else if (strcmp(verb, "list") == 0 && a) {
		list_and(w, NULL);
	} else if (strcmp(verb, "heads") == 0 && a) {
		list_and(w, head_item);
	} else if (strcmp(verb, "rm") == 0 && a) {
		list_and(w, delete_item);
	} else if (strcmp(verb, "move") == 0 && b) {
		list_and(w, move_item);
	} else if (strcmp(verb, "copy") == 0 && b) {
		must(object_copy(w->client, a, NULL, NULL, 0, b, NULL, &info, &err), "copy", &err);
		s3_info_free(&info);
	} else if (strcmp(verb, "append") == 0 && b) {
		append(w, number(b));
	} else if (strcmp(verb, "change") == 0 && c) {
		change(w, number(b), number(c));
	} else {
		return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* getrusage's maximum is that of the program which started this one, too. */
static long peak_kib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	while (f && kib == 0 && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static void report(const struct work *w, double ms)
{
	struct rusage u;
	double median = 0;

	if (w->took && w->n) {
		qsort(w->took, w->n, sizeof(*w->took), compare);
		median = w->took[w->n / 2];
	}
	getrusage(RUSAGE_SELF, &u);
	printf("{\"seconds\": %.6f, \"cpu\": %.3f, \"rss_kib\": %ld, \"n\": %zu, "
	       "\"median_ms\": %.4f}\n",
	       ms / 1e3,
	       (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
	       peak_kib(), w->n, median);
}

int main(int argc, char **argv)
{
	struct work w = { 0 };
	struct s3_client_conf s3 = { .path_style = 1 };
	const struct cred_conf cred = { 0 };
	char why[400];
	double began;

	log_to_stderr(LOG_LEVEL_WARN);
	if (argc < 6) {
		fputs("usage: raw URL REGION BUCKET CONNECTIONS WORK ARGUMENT...\n", stderr);
		return 2;
	}
	s3.url = argv[1];
	s3.region = argv[2];
	s3.bucket = argv[3];
	w.connections = (unsigned)number(argv[4]);
	must(cred_source_new(&cred, &s3.cred, why, sizeof(why)), "credentials", NULL);
	must(s3_client_new(&s3, &w.client, why, sizeof(why)), "client", NULL);
	began = now_ms();
	if (!run(&w, argv[5], argv + 6, argc - 6)) {
		fprintf(stderr, "raw: no such work: %s\n", argv[5]);
		return 2;
	}
	report(&w, now_ms() - began);
	for (size_t i = 0; w.names && i < w.n; i++)
		free(w.names[i]);
	free(w.names);
	free(w.took);
	free(w.bytes);
	s3_client_free(w.client);
	return 0;
}
