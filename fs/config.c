#include "fs/config_i.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/codec.h"
#include "s3/acl.h"

#include "fs/history.h"
#include "queue/dest.h"

#define SHOWN 160

int config_bad(const struct config_reading *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, r->why_len, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void config_init(struct config *c)
{
	*c = (struct config){
		.path_style = -1,
		.staging_max = 10 * GIB,
		.drain_ms = 60000,
		.order_ms = 60000,
		.posix_meta = true,
		.attr_ms = 1000,
		.hold_ms = 10000,
		.settle_ms = 1000,
		.memory = 256 * MIB,
		.durability = DURABILITY_SOURCE,
		.replicas_wait_ms = 60000,
		.disk_cache_max = 10 * GIB,
		.repl_threads = 16,
		.watch_pages = 100,
		.upload_threads = 8,
		.early_upload = true,
		.uid = getuid(),
		.gid = getgid(),
		.log_level = LOG_LEVEL_INFO,
	};
	buf_init(&c->fuse, BUF_LIMIT_SMALL);
}

void config_free(struct config *c)
{
	char **texts[] = {
		&c->bucket,  &c->prefix,       &c->mountpoint, &c->url,		&c->region,
		&c->profile, &c->passwd_file,  &c->cacert,     &c->rules,	&c->destinations,
		&c->state,   &c->events,       &c->sse,	       &c->default_acl, &c->storage_class,
		&c->sse_key, &c->versions_dir, &c->temp_names, &c->disk_cache,
	};

	for (size_t i = 0; i < array_size(texts); i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	buf_free(&c->fuse);
}

/* --- values ----------------------------------------------------------------------------------- */

int config_make_absolute(const char *path, char **ret_path)
{
	char cwd[PATH_MAX];

	if (*path == '/')
		return str_dup(path, ret_path);
	if (!getcwd(cwd, sizeof(cwd)))
		return -errno;
	return str_format(ret_path, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path);
}

static int set_text(char **field, char *value)
{
	free(*field);
	*field = value;
	return 0;
}

static int bad_value(const struct config_reading *r, const struct config_option *o,
		     const char *value, const char *want)
{
	char shown[SHOWN];

	return config_bad(r, "option %s=%s: expected %s", o->name,
			  printable(value, shown, sizeof(shown)), want);
}

static int set_number(const struct config_reading *r, const struct config_option *o,
		      const char *value, void *field)
{
	char want[96];
	uint64_t v = 0;
	int64_t ms = 0;
	int err;

	if (o->kind == CONFIG_SECONDS) {
		err = config_parse_seconds(value, &ms);
		v = (uint64_t)ms;
		snprintf(want, sizeof(want), "seconds, at most %llu",
			 (unsigned long long)(o->max / 1000));
	} else if (o->kind == CONFIG_OCTAL) {
		err = config_parse_octal(value, &v);
		snprintf(want, sizeof(want), "an octal number such as 022");
	} else if (o->kind == CONFIG_SIZE) {
		err = parse_size(value, &v);
		snprintf(want, sizeof(want), "a size such as 512M or 10G");
	} else {
		err = parse_u64(value, &v);
		snprintf(want, sizeof(want), "a number from %llu to %llu",
			 (unsigned long long)o->min, (unsigned long long)o->max);
	}
	if (err < 0 || v < o->min || v > o->max)
		return bad_value(r, o, value, want);
	if (o->kind == CONFIG_SECONDS)
		*(int64_t *)field = ms;
	else if (o->kind == CONFIG_SIZE)
		*(uint64_t *)field = v;
	else
		*(unsigned *)field = (unsigned)v;
	return 0;
}

static int set_string(const struct config_reading *r, const struct config_option *o,
		      const char *value, char **field)
{
	char *text = NULL;
	int err;

	if (!*value)
		return config_bad(r, "option %s needs a value: %s=%s", o->name, o->name, o->arg);
	if (o->kind == CONFIG_PATH || (o->kind == CONFIG_RULES && strcmp(value, "bucket") != 0) ||
	    (o->kind == CONFIG_EVENTS && *value != '|'))
		err = config_make_absolute(value, &text);
	else
		err = str_dup(value, &text);
	return err < 0 ? err : set_text(field, text);
}

/* What every new object has anyway is not sent: buckets that take no ACLs refuse even that. */
static int set_acl(const struct config_reading *r, const struct config_option *o, const char *value,
		   char **field)
{
	char *text = NULL;
	int err;

	if (!acl_is_canned(value))
		return bad_value(r, o, value, "a canned ACL such as private or public-read");
	if (strcmp(value, "private") == 0)
		return set_text(field, NULL);
	err = str_dup(value, &text);
	return err < 0 ? err : set_text(field, text);
}

static int set_sse(const struct config_reading *r, const struct config_option *o, const char *value)
{
	char *sse = NULL, *key = NULL;
	int err = config_parse_sse(value, &sse, &key);

	if (err == -EINVAL)
		return bad_value(r, o, value, "AES256, aws:kms or aws:kms:KEYID");
	if (err < 0)
		return err;
	free(r->c->sse_key);
	r->c->sse_key = key;
	return set_text(&r->c->sse, sse);
}

int config_pass_on(struct config *c, const char *name, const char *value)
{
	if (c->fuse.len)
		buf_addc(&c->fuse, ',');
	buf_adds(&c->fuse, name);
	if (value)
		buf_addc(&c->fuse, '=');
	for (; value && *value; value++) {
		if (*value == ',' || *value == '\\')
			buf_addc(&c->fuse, '\\');
		buf_addc(&c->fuse, *value);
	}
	return c->fuse.error;
}

/* value NULL: there was no '='. */
static int set_option(const struct config_reading *r, const struct config_option *o,
		      const char *value)
{
	void *field = (char *)r->c + o->where;
	bool yes = true;

	switch (o->kind) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
	case CONFIG_RULES:
	case CONFIG_EVENTS: return set_string(r, o, value ? value : "", field);
	case CONFIG_FLAG:
	case CONFIG_CHOICE:
		if (value && parse_bool(value, &yes) < 0)
			return bad_value(r, o, value, "yes or no");
		if (o->kind == CONFIG_CHOICE)
			*(int *)field = yes;
		else
			*(bool *)field = yes;
		return 0;
	case CONFIG_SIZE:
	case CONFIG_SECONDS:
	case CONFIG_COUNT:
	case CONFIG_OCTAL: return set_number(r, o, value ? value : "", field);
	case CONFIG_ACL: return set_acl(r, o, value ? value : "", field);
	case CONFIG_SSE: return set_sse(r, o, value ? value : "");
	case CONFIG_WORD:
		if (config_parse_word(value ? value : "", o->arg, field) < 0)
			return bad_value(r, o, value ? value : "", o->arg);
		return 0;
	case CONFIG_LEVEL:
		if (config_parse_level(value ? value : "", field) < 0)
			return bad_value(r, o, value ? value : "", "error, warn, info or debug");
		return 0;
	case CONFIG_TIME:
		if (history_time_parse(value ? value : "", field) < 0 || *(int64_t *)field <= 0)
			return bad_value(r, o, value ? value : "",
					 "a time such as 2026-01-31T23:59:59Z, 2026-01-31 or "
					 "@1769903999");
		return 0;
	case CONFIG_FUSE_FLAG:
	case CONFIG_NO_FUSE_FLAG:
		*(bool *)field = o->kind == CONFIG_FUSE_FLAG;
		return config_pass_on(r->c, o->name, NULL);
	case CONFIG_FUSE: return config_pass_on(r->c, o->name, value);
	case CONFIG_IGNORED: return 0;
	}
	return -EINVAL;
}

/* --- names ------------------------------------------------------------------------------------ */

/* How many letters must be changed, added or taken away (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], la = strlen(a), lb = strlen(b);

	if (lb + 1 > array_size(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t here = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			here = min_of(here, row[j] + 1);
			row[j] = min_of(here, row[j - 1] + 1);
		}
	}
	return row[lb];
}

static int bad_name(const struct config_reading *r, const char *name)
{
	size_t best = 4, len = strlen(name);
	const char *near = NULL;
	char shown[SHOWN];

	for (size_t i = 0; len < 64 && i < config_table_n; i++) {
		size_t d = distance(name, config_table[i].name);

		if (d < best && d < len) {
			best = d;
			near = config_table[i].name;
		}
	}
	printable(name, shown, sizeof(shown));
	if (near)
		return config_bad(r, "unknown option '%s'; did you mean '%s'?", shown, near);
	return config_bad(r, "unknown option '%s'; see crrfs --help", shown);
}

static int read_one(const struct config_reading *r, char *text)
{
	char *value = strchr(text, '=');

	if (value)
		*value++ = '\0';
	if (!*text && !value)
		return 0;
	if (strncmp(text, "x-", 2) == 0 || strncmp(text, "X-", 2) == 0)
		return 0;
	for (size_t i = 0; i < config_table_n; i++)
		if (strcmp(text, config_table[i].name) == 0)
			return set_option(r, &config_table[i], value);
	return bad_name(r, text);
}

/* A comma in a value is written "\,". */
int config_read_options(struct config *c, const char *list, char *why, size_t why_len)
{
	const struct config_reading r = { c, why, why_len };
	auto_free char *one = malloc(strlen(list) + 1);
	size_t n = 0;

	if (!one)
		return -ENOMEM;
	for (const char *p = list;; p++) {
		int err;

		if (*p == '\\' && (p[1] == ',' || p[1] == '\\')) {
			one[n++] = *++p;
			continue;
		}
		if (*p && *p != ',') {
			one[n++] = *p;
			continue;
		}
		one[n] = '\0';
		n = 0;
		err = read_one(&r, one);
		if (err < 0 || !*p)
			return err;
	}
}

static int read_words(const struct config_reading *r, int argc, char **argv)
{
	int err;

	if (argc - optind != 2)
		return config_bad(
			r,
			"%s; usage: crrfs s3://BUCKET[/PREFIX] MOUNTPOINT [-o OPTIONS], see "
			"crrfs --help",
			argc - optind < 2 ? "a bucket and a mountpoint are needed"
					  : "too many words");
	err = config_read_source(r->c, argv[optind], r->why, r->why_len);
	if (err == 0)
		err = config_check(r);
	if (err == 0)
		err = config_read_mountpoint(r, argv[optind + 1]);
	return err;
}

int config_read(int argc, char **argv, struct config *ret_c, char *why, size_t why_len)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const struct config_reading r = { ret_c, why, why_len };
	int ch, err = 0;

	config_init(ret_c);
	snprintf(why, why_len, "out of memory");
	opterr = 0;
	while (err == 0 && (ch = getopt_long(argc, argv, ":o:fdVh", longs, NULL)) != -1) {
		if (ch == 'h' || ch == 'V') {
			ret_c->help = ch == 'h';
			ret_c->version = ch == 'V';
			return 0;
		}
		if (ch == 'o')
			err = config_read_options(ret_c, optarg, why, why_len);
		else if (ch == 'f' || ch == 'd')
			ret_c->foreground = true;
		else if (ch == ':')
			err = config_bad(&r, "-%c needs a list of options; see crrfs --help",
					 optopt);
		else
			err = config_bad(&r, "unknown option '%s'; see crrfs --help",
					 argv[optind - 1]);
		if (ch == 'd')
			ret_c->log_level = LOG_LEVEL_DEBUG;
	}
	return err < 0 ? err : read_words(&r, argc, argv);
}

void config_print_help(void)
{
	puts("usage: crrfs s3://BUCKET[/PREFIX] MOUNTPOINT [-o OPTION[,OPTION...]] [-f] [-d]\n"
	     "       crrfs --help | --version\n"
	     "\n"
	     "Mounts a bucket as a folder and replicates what is written there, by the rules\n"
	     "of S3 Cross-Region Replication. -f stays in front; -d as well, and logs more.\n");
	for (size_t i = 0; i < config_table_n; i++) {
		const struct config_option *o = &config_table[i];
		char name[48];

		if (!o->help)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", o->name, *o->arg ? "=" : "", o->arg);
		printf("  %-24s %s\n", name, o->help);
	}
	puts("\nAll of it, and xattrs, signals and exit codes: crrfs(1). The queue: crrctl(1).");
}
