/*
 * points.c - runs each scene once and counts its fallible points, then once for each of them,
 * which fails. Then nothing may crash, leak (LeakSanitizer, when a child process ends) or be
 * called by another name than its own: what could not get memory is -ENOMEM, and no other error.
 *
 *      points [-m MAX] [-s SEED] [SCENE]...    MAX points of each scene and kind, taken by the seed
 *      points -p SCENE KIND HOW AT TIMES       this one point, and who had called
 */
#include "tests/sweep/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/mman.h>
#include <sys/wait.h>

int check_failures;
const char *check_case = "";

#define BATCH	  64   /* points of one child process */
#define HANG	  300u /* seconds that only a hang reaches */
#define FOR_EVER  INT64_MAX

static const struct {
	const char *name;
	unsigned hows;
	bool lasting; /* also from that point on: what is tried again hides a single failure */
} kinds[SWEEP_KINDS] = {
	[SWEEP_MEMORY] = { "memory", 1, false }, [SWEEP_LIBRARY] = { "library", 1, false },
	[SWEEP_FILE] = { "file", 2, false },	 [SWEEP_DISK] = { "disk", 2, true },
	[SWEEP_SQL] = { "sql", 4, false },	 [SWEEP_S3] = { "s3", 4, true },
	[SWEEP_THREAD] = { "thread", 1, false },
};

static const struct scene *const rooms[] = { base_scenes, rules_scenes, s3_scenes, queue_scenes,
					     fs_scenes };

struct point {
	const struct scene *scene;
	enum sweep_kind kind;
	int how;
	int64_t at, times;
};

/* By kind: what the children have seen. */
struct tally {
	_Atomic unsigned run, refused, borne; /* with an error; all the same without one */
};
static struct tally *tally;

static uint32_t seed = 1;

static uint32_t next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* Does the error name what failed? */
static bool is_honest(const struct point *p, int r)
{
	static const int sql[] = { -EIO, -ENOSPC, -EBUSY, -ENOMEM };

	for (const int *e = p->scene->also; *e; e++)
		if (r == *e)
			return true;
	switch (p->kind) {
	case SWEEP_MEMORY:
	case SWEEP_LIBRARY: return r == -ENOMEM;
	case SWEEP_SQL: return r == sql[p->how];
	case SWEEP_FILE:
	case SWEEP_DISK: return r == -EIO || (p->how == 1 && r == -ENOSPC);
	case SWEEP_THREAD: return r == -EAGAIN;
	default: return true;
	}
}

static void run_point(const struct point *p)
{
	char name[160];
	bool failed;
	int r;

	snprintf(name, sizeof(name), "%s %d %d %lld %lld", p->scene->name, p->kind, p->how,
		 (long long)p->at, (long long)p->times);
	CHECK_CASE(name);
	alarm(HANG);
	if (p->scene->before)
		p->scene->before();
	if (p->at)
		sweep_arm(p->kind, p->how, p->at, p->times);
	else
		sweep_count();
	r = p->scene->run();
	sweep_disarm();
	failed = sweep_shared()->hits > 0;
	if (p->scene->after)
		p->scene->after(r, failed);
	if (failed && r < 0 && !is_honest(p, r))
		CHECK_INT(r, -ENOMEM - 1000);
	if (!failed)
		CHECK(r >= 0);
	tally[p->kind].run++;
	if (failed && r < 0)
		tally[p->kind].refused++;
	if (failed && r >= 0)
		tally[p->kind].borne++;
	CHECK_CASE(NULL);
}

/* Runs them in a child. True: all was well, which its exit status says, leaks included. */
static bool run_child(const struct point *p, size_t n, const char *log)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid == 0) {
		if (log && !freopen(log, "w", stderr))
			exit(2);
		setvbuf(stderr, NULL, _IOLBF, 0);
		if (log && n == 1)
			setenv("SWEEP_SHOW", "yes", 1);
		for (size_t i = 0; i < n; i++)
			run_point(&p[i]);
		exit(check_done());
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void show(const char *log)
{
	char line[1000];
	FILE *f = fopen(log, "r");

	for (int n = 0; f && n < 60 && fgets(line, sizeof(line), f); n++)
		fprintf(stderr, "    %s", line);
	if (f)
		fclose(f);
}

/* Points that failed. In a batch that was not well each has a process of its own. */
static unsigned run_batch(const struct point *p, size_t n)
{
	char log[] = "/tmp/sweep.XXXXXX";
	int fd = mkstemp(log);
	unsigned bad = 0;

	if (fd < 0)
		return 1;
	close(fd);
	if (!run_child(p, n, log)) {
		for (size_t i = 0; i < n; i++) {
			if (run_child(&p[i], 1, log))
				continue;
			bad++;
			fprintf(stderr, "FAIL: points -p %s %d %d %lld %lld\n", p[i].scene->name,
				p[i].kind, p[i].how, (long long)p[i].at, (long long)p[i].times);
			show(log);
		}
		if (bad == 0) {
			bad = 1;
			fprintf(stderr, "FAIL: %zu points of %s, but each alone is well\n", n,
				p->scene->name);
			run_child(p, n, log);
			show(log);
		}
	}
	unlink(log);
	return bad;
}

static int64_t hows_of(int kind)
{
	return kinds[kind].hows * (kinds[kind].lasting ? 2 : 1);
}

/* The i-th of a kind's points: each way to fail, at each place. */
static struct point point_of(const struct scene *s, int kind, int64_t i)
{
	int64_t way = i % hows_of(kind);

	return (struct point){ .scene = s,
			       .kind = (enum sweep_kind)kind,
			       .how = (int)(way % kinds[kind].hows),
			       .at = i / hows_of(kind) + 1,
			       .times = way < kinds[kind].hows ? 1 : FOR_EVER };
}

/* All points of a scene, or max of each kind: the distance between two is random. */
static unsigned sweep_points(const struct scene *s, const int64_t seen[], int64_t max)
{
	struct point batch[BATCH];
	unsigned bad = 0;
	size_t n = 0;

	for (int k = 0; k < SWEEP_KINDS; k++) {
		int64_t count = s->kinds & SCENE_KIND(k) ? seen[k] * hows_of(k) : 0;
		uint32_t step = max > 0 && count > max ? (uint32_t)(2 * count / max) : 1;

		for (int64_t i = next_random() % step; i < count; i += 1 + next_random() % step) {
			batch[n++] = point_of(s, k, i);
			if (n == BATCH) {
				bad += run_batch(batch, n);
				n = 0;
			}
		}
	}
	return n > 0 ? bad + run_batch(batch, n) : bad;
}

static unsigned sweep_scene(const struct scene *s, int64_t max)
{
	struct point once = { .scene = s };
	int64_t seen[SWEEP_KINDS];
	unsigned bad = run_batch(&once, 1);

	for (int k = 0; k < SWEEP_KINDS; k++)
		seen[k] = sweep_shared()->seen[k];
	memset(tally, 0, SWEEP_KINDS * sizeof(*tally));
	if (bad == 0)
		bad = sweep_points(s, seen, max);
	for (int k = 0; k < SWEEP_KINDS; k++)
		if (tally[k].run > 0)
			printf("%-14s %-8s %5lld points, %6u failures: %u refused, %u borne\n",
			       s->name, kinds[k].name, (long long)seen[k], tally[k].run,
			       tally[k].refused, tally[k].borne);
	fflush(stdout);
	return bad;
}

static const struct scene *find(const char *name)
{
	for (size_t i = 0; i < array_size(rooms); i++)
		for (const struct scene *s = rooms[i]; s->name; s++)
			if (strcmp(s->name, name) == 0)
				return s;
	fprintf(stderr, "points: no scene %s\n", name);
	exit(2);
}

static int run_one(char **argv)
{
	struct point p = { find(argv[0]), (enum sweep_kind)strtol(argv[1], NULL, 10),
			   (int)strtol(argv[2], NULL, 10), strtoll(argv[3], NULL, 10),
			   strtoll(argv[4], NULL, 10) };

	setenv("SWEEP_SHOW", "yes", 1);
	run_point(&p);
	return check_done();
}

int main(int argc, char **argv)
{
	int64_t max = 0;
	unsigned bad = 0;
	int c;

	tally = mmap(NULL, SWEEP_KINDS * sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		return 2;
	while ((c = getopt(argc, argv, "m:s:p")) != -1) {
		if (c == 'm')
			max = strtoll(optarg, NULL, 10);
		else if (c == 's')
			seed = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'p' && argc - optind == 5)
			return run_one(argv + optind);
		else
			return 2;
	}
	for (int i = optind; i < argc; i++)
		bad += sweep_scene(find(argv[i]), max);
	for (size_t i = 0; optind == argc && i < array_size(rooms); i++)
		for (const struct scene *s = rooms[i]; s->name; s++)
			bad += sweep_scene(s, max);
	if (bad > 0)
		fprintf(stderr, "%u points are not well\n", bad);
	return bad > 0;
}
