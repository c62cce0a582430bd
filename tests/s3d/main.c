/* Options, start and stop. */
#include "s3d.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <libxml/parser.h>

struct conf conf = { .min_part = 5 * MIB };

static const char help[] =
	"s3d: a small strict S3 server for tests\n\n"
	"usage: s3d --dir DIR --listen HOST:PORT [options]\n"
	"  --dir DIR           state (made if missing)\n"
	"  --listen HOST:PORT  IPv4; port 0 picks a free one (see --ready-file)\n"
	"  --key ID:SECRET[:OWNER[:TOKEN]]  may be repeated; also in S3D_KEYS, comma separated\n"
	"  --region NAME       default us-east-1; may be repeated: the first is the default\n"
	"  --create BUCKET[:versioned][:lock][:region=R][:owner=O]  make it at start if missing\n"
	"  --account OWNER     an account without a key, known to ACLs; may be repeated\n"
	"  --without FEATURE,...  be a server that lacks them; see README.md\n"
	"  --minio             be MinIO: version ids and times can be given\n"
	"  --min-part BYTES    of all parts but the last, 5 MiB\n"
	"  --kms-key ARN       the only keys there are; may be repeated\n"
	"  --check-destinations  the destinations of a replication must be here\n"
	"  --log FILE          request log, a line per request\n"
	"  --ready-file FILE   gets HOST:PORT once listening\n"
	"  --pid-file FILE     gets the process id\n"
	"  --daemon            go to the background once listening\n"
	"  --tls-cert F --tls-key F   speak https\n"
	"  --allow-remote      allow to listen beyond loopback\n"
	"While it runs: /_s3d/faults and /_s3d/settings; see README.md\n";

struct account *account_by_id(const char *id)
{
	for (size_t i = 0; i < conf.naccounts; i++)
		if (str_eq(conf.accounts[i].id, id))
			return &conf.accounts[i];
	return NULL;
}

struct account *account_by_owner(const char *owner)
{
	for (size_t i = 0; i < conf.naccounts; i++)
		if (!strcmp(conf.accounts[i].owner, owner))
			return &conf.accounts[i];
	return NULL;
}

struct account *account_by_canonical(const char *canonical)
{
	for (size_t i = 0; i < conf.naccounts; i++)
		if (!strcmp(conf.accounts[i].canonical, canonical))
			return &conf.accounts[i];
	return NULL;
}

bool region_served(const char *region)
{
	for (size_t i = 0; i < conf.nregions; i++)
		if (!strcmp(conf.regions[i], region))
			return true;
	return false;
}

void canonical_id(const char *owner, char out[65])
{
	const struct account *a = account_by_owner(owner);

	if (a && a->canonical[0]) {
		memcpy(out, a->canonical, sizeof(a->canonical));
		return;
	}
	sha256_hex(owner, strlen(owner), out);
}

static int usage(const char *why)
{
	fprintf(stderr, "s3d: %s (--help helps)\n", why);
	return -EINVAL;
}

static int add_key(const char *text)
{
	char *field[4] = { NULL };
	char *copy = x_strdup(text), *p = copy;

	for (int i = 0; i < 4 && p; i++) {
		field[i] = p;
		p = strchr(p, ':');
		if (p && i < 3)
			*p++ = 0;
	}
	int rc = -EINVAL;
	if (field[0] && *field[0] && field[1] && *field[1] && conf.naccounts < 32) {
		struct account *a = &conf.accounts[conf.naccounts++];
		a->id = x_strdup(field[0]);
		a->secret = x_strdup(field[1]);
		a->owner = x_strdup(field[2] && *field[2] ? field[2] : "111122223333");
		a->token = x_strdup(field[3]);
		rc = strlen(a->owner) < 256 ? 0 : -EINVAL;
	}
	free(copy);
	return rc;
}

static int add_env_keys(void)
{
	const char *env = getenv("S3D_KEYS");
	int rc = 0;

	while (env && *env && !rc) {
		size_t n = strcspn(env, ",");
		char *one = x_strndup(env, n);
		rc = n ? add_key(one) : 0;
		free(one);
		env += n + (env[n] == ',');
	}
	return rc;
}

static int set_listen(const char *text)
{
	const char *colon = strrchr(text, ':');
	int64_t port;

	if (!colon || parse_int(colon + 1, 0, 65535, &port))
		return -EINVAL;
	conf.host = x_strndup(text, (size_t)(colon - text));
	conf.port = (uint16_t)port;
	return 0;
}

static int one_option(int c)
{
	switch (c) {
	case 'd': conf.dir = optarg; return 0;
	case 'l': return set_listen(optarg) ? usage("--listen takes HOST:PORT") : 0;
	case 'r':
		if (conf.nregions == 16 || strlen(optarg) > 31)
			return usage("too many regions");
		conf.regions[conf.nregions++] = optarg;
		return 0;
	case 'k': return add_key(optarg) ? usage("--key takes ID:SECRET[:OWNER[:TOKEN]]") : 0;
	case 'c':
		if (conf.ncreate == 64)
			return usage("too many buckets");
		conf.create[conf.ncreate++] = optarg;
		return 0;
	case 'L': conf.log_file = optarg; return 0;
	case 'R': conf.ready_file = optarg; return 0;
	case 'p': conf.pid_file = optarg; return 0;
	case 'a': conf.allow_remote = true; return 0;
	case 'C': conf.tls_cert = optarg; return 0;
	case 'K': conf.tls_key = optarg; return 0;
	case 'D': conf.daemonize = true; return 0;
	case 'A':
		if (conf.nknown == 16 || strlen(optarg) > 255)
			return usage("too many accounts");
		conf.known[conf.nknown++] = optarg;
		return 0;
	case 'w': return settings_without(optarg) ? usage("--without: no such feature") : 0;
	case 'M': conf.minio = true; return 0;
	case 'm': return settings_kms_key(optarg, "enabled") ? usage("--kms-key takes ARNs") : 0;
	case 'x': conf.check_destinations = true; return 0;
	case 'P':
		if (!parse_int(optarg, 1, 5 * MIB, &conf.min_part))
			return 0;
		return usage("--min-part takes bytes");
	default: return usage("bad option");
	}
}

static int options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "dir", 1, NULL, 'd' },	  { "listen", 1, NULL, 'l' },
		{ "region", 1, NULL, 'r' },	  { "key", 1, NULL, 'k' },
		{ "create", 1, NULL, 'c' },	  { "log", 1, NULL, 'L' },
		{ "ready-file", 1, NULL, 'R' },	  { "pid-file", 1, NULL, 'p' },
		{ "allow-remote", 0, NULL, 'a' }, { "tls-cert", 1, NULL, 'C' },
		{ "tls-key", 1, NULL, 'K' },	  { "daemon", 0, NULL, 'D' },
		{ "account", 1, NULL, 'A' },	  { "without", 1, NULL, 'w' },
		{ "kms-key", 1, NULL, 'm' },	  { "check-destinations", 0, NULL, 'x' },
		{ "minio", 0, NULL, 'M' },	  { "min-part", 1, NULL, 'P' },
		{ "help", 0, NULL, 'h' },	  { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 1;
		}
		if (one_option(c))
			return -EINVAL;
	}
	if (add_env_keys())
		return usage("S3D_KEYS is malformed");
	if (optind != argc)
		return usage("unexpected argument");
	if (!conf.dir || !conf.host)
		return usage("--dir and --listen are needed");
	if (!conf.naccounts)
		return usage("no keys: give --key or S3D_KEYS");
	for (size_t i = 0; i < conf.nknown && conf.naccounts < 32; i++)
		conf.accounts[conf.naccounts++].owner = x_strdup(conf.known[i]);
	if (!conf.tls_cert != !conf.tls_key)
		return usage("--tls-cert and --tls-key go together");
	if (!conf.nregions)
		conf.regions[conf.nregions++] = (char *)(uintptr_t) "us-east-1";
	if (!strcmp(conf.host, "localhost"))
		memcpy(conf.host, "127.0.0.1", 10);
	if (!conf.allow_remote && !starts_with(conf.host, "127."))
		return usage("refusing to listen beyond loopback without --allow-remote");
	return 0;
}

static int create_bucket(const char *text)
{
	struct bucket b = { .created = now_ms() }, old;
	char *copy = x_strdup(text), *save = NULL;
	int rc = 0;

	snprintf(b.region, sizeof(b.region), "%s", conf.regions[0]);
	snprintf(b.owner, sizeof(b.owner), "%s", conf.accounts[0].owner);
	char *w = strtok_r(copy, ":", &save);
	snprintf(b.name, sizeof(b.name), "%s", w ? w : "");
	while ((w = strtok_r(NULL, ":", &save))) {
		if (!strcmp(w, "versioned"))
			b.versioning = VERSIONING_ENABLED;
		else if (!strcmp(w, "lock"))
			b.versioning = VERSIONING_ENABLED, b.object_lock = true;
		else if (starts_with(w, "region="))
			snprintf(b.region, sizeof(b.region), "%s", w + 7);
		else if (starts_with(w, "owner="))
			snprintf(b.owner, sizeof(b.owner), "%s", w + 6);
		else
			rc = usage("--create takes BUCKET[:versioned][:lock][:region=R][:owner=O]");
	}
	free(copy);
	if (!rc && bucket_find(b.name, &old))
		rc = bucket_insert(&b);
	return rc;
}

static int write_file(const char *path, const char *text)
{
	if (!path)
		return 0;
	char *tmp = x_asprintf("%s.tmp%d", path, (int)getpid());
	int fd = open(tmp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	int rc = fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (!rc && rename(tmp, path))
		rc = -errno;
	free(tmp);
	return rc;
}

/* The parent leaves once the child has written one byte: it listens. */
static int go_background(int *ret_ready)
{
	int fds[2];
	char byte;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(fds[0]);
	setsid();
	*ret_ready = fds[1];
	return 0;
}

static void detach(int ready)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd >= 0) {
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		close(fd);
	}
	ssize_t n = write(ready, "+", 1);
	(void)n;
	close(ready);
}

static int serve(int ready)
{
	char text[64];
	sigset_t set;
	int sig, rc = http_start();

	if (rc) {
		fprintf(stderr, "s3d: cannot listen on %s:%u\n", conf.host, conf.port);
		return rc;
	}
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	rc = write_file(conf.pid_file, text);
	snprintf(text, sizeof(text), "%.40s:%u\n", conf.host, http_port());
	if (!rc)
		rc = write_file(conf.ready_file, text);
	if (rc)
		fprintf(stderr, "s3d: cannot write the ready or pid file\n");
	else if (ready >= 0)
		detach(ready);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (!rc)
		sigwait(&set, &sig);
	http_stop();
	if (conf.pid_file)
		unlink(conf.pid_file);
	return rc;
}

static int start(void)
{
	int rc = store_open(conf.dir);

	if (rc) {
		fprintf(stderr, "s3d: cannot open %s\n", conf.dir);
		return rc;
	}
	db_lock();
	for (size_t i = 0; i < conf.ncreate && !rc; i++)
		rc = create_bucket(conf.create[i]);
	db_unlock();
	if (!rc)
		rc = log_open(conf.log_file);
	if (rc)
		fprintf(stderr, "s3d: cannot make a bucket or open the log\n");
	return rc;
}

int main(int argc, char **argv)
{
	int ready = -1;
	sigset_t set;
	int rc = options(argc, argv);

	if (rc)
		return rc < 0 ? 2 : 0;
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (conf.daemonize && go_background(&ready))
		return 1;
	xmlInitParser();
	hash_init();
	for (size_t i = 0; i < conf.naccounts; i++)
		canonical_id(conf.accounts[i].owner, conf.accounts[i].canonical);
	rc = start();
	if (!rc)
		rc = serve(ready);
	store_close();
	log_close();
	settings_free();
	for (size_t i = 0; i < conf.naccounts; i++) {
		free(conf.accounts[i].id);
		free(conf.accounts[i].secret);
		free(conf.accounts[i].owner);
		free(conf.accounts[i].token);
	}
	free(conf.host);
	xmlCleanupParser();
	return rc ? 1 : 0;
}
