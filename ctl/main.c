/* main.c - crrctl, the operator's hand: a table of subcommands. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "ctl/ctl.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

static const struct command {
	const char *name;
	int (*run)(const struct ctl_opts *o);
	const char *args;
	const char *help;
} commands[] = {
	{ "status", ctl_status, "[PATH]", "what each destination has, what is behind, and why" },
	{ "queue", ctl_queue, "[PATH]", "the rows that are not done (--all: done ones too)" },
	{ "queue", ctl_queue, "check|repair|export", "is its file sound; make it so; all as JSON" },
	{ "wait", ctl_wait, "[PATH]", "until everything written so far is replicated" },
	{ "metrics", ctl_metrics, "[PATH]", "how much is pending and how late, by rule" },
	{ "retry", ctl_retry, "[PATH]",
	  "send FAILED versions again (--dest ARN: of one destination)" },
	{ "resync", ctl_resync, "[PATH]", "send versions that exist, by the rules" },
	{ "versions", ctl_versions, "PATH|KEY",
	  "which source version is which version at a destination" },
	{ "restore", ctl_restore, "PATH VERSION",
	  "make an older version the current one (--to NEWPATH: under another name)" },
	{ "rules", ctl_rules, "show|reload", "the rules in force; read them again" },
	{ "rules", ctl_rules, "check FILE", "what a file would do, or what is wrong with it" },
	{ "rules", ctl_rules, "explain PATH|KEY", "rule by rule, why it is replicated or not" },
	{ "rules", ctl_rules, "get|put FILE|delete", "the rules that the bucket itself keeps" },
	{ "verify", ctl_verify, "[PATH|KEY]", "compare the buckets, version by version" },
	{ "setup", ctl_setup, "BUCKET", "enable versioning, and the lifecycle rules for it" },
};

void ctl_say(const char *fmt, ...)
{
	va_list ap;

	fputs("crrctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

const char *ctl_shown(const char *s, char dst[CTL_SHOWN])
{
	return printable(s ? s : "-", dst, CTL_SHOWN);
}

static void help(FILE *to)
{
	fputs("Usage: crrctl COMMAND [OPTION]... [PATH]\n"
	      "Looks after the replication of a crrfs mount. PATH is any path in the mount;\n"
	      "it is not needed while only one mount runs.\n\n",
	      to);
	for (size_t i = 0; i < array_size(commands); i++)
		fprintf(to, "  %-8s %-19s %s\n", commands[i].name, commands[i].args,
			commands[i].help);
	fputs("\n"
	      "      --state DIR      the state directory, also while nothing is mounted\n"
	      "      --json           for programs (status, queue, metrics, versions, rules)\n"
	      "      --prometheus     metrics: as text for Prometheus\n"
	      "      --window SPAN    metrics: lag of the last 15m, 1h, 7d (1h)\n"
	      "      --watch          status: again each second, until interrupted\n"
	      "      --timeout SECS   wait, resync: give up then, with exit status 3\n"
	      "      --dest ARN       queue, retry, resync, verify: this destination only\n"
	      "      --dry-run, --wait, --report FILE.csv, --list, --stop ID, --prefix P,\n"
	      "      --created-after T, --created-before T, --status WORDS, --current-only\n"
	      "                       resync; --prefix and --current-only also verify\n"
	      "      --all            queue: done rows too; verify: what is behind, too\n"
	      "      --to NEWPATH     restore: not over the file itself\n"
	      "      --strict         rules check, put: unknown elements are errors\n"
	      "      --probe          rules check: try the destinations\n"
	      "      --rules FILE     rules explain: these rules, no mount needed\n"
	      "      --tag K=V        rules explain: as if the object had this tag\n"
	      "      --delete         rules explain: its deletion\n"
	      "      --deep           verify: read the bytes where nothing else proves them\n"
	      "      --repair         verify: queue what is missing or different\n"
	      "      --yes            setup: do it without asking\n"
	      "      --url URL        rules: where the buckets are, when no mount says it;\n"
	      "                       also --region --profile --passwd-file --cacert --path-style\n"
	      "                       --destinations FILE --allow-http --no-check-certificate\n"
	      "  -h, --help  -V, --version\n\n"
	      "Exit status: 0 good, 1 error, 2 something is FAILED (wait) or differs (verify),\n"
	      "3 timed out, 64 usage.\n"
	      "crrctl(1) has the details, crrfs-queue(7) what the states mean.\n",
	      to);
}

static int usage(const char *what)
{
	ctl_say("%s; 'crrctl --help' lists the commands", what);
	return CTL_USAGE;
}

enum opt_kind { OPT_TEXT, OPT_FLAG, OPT_SECONDS, OPT_DAYS, OPT_SPAN, OPT_TAG };

#define AT(field) offsetof(struct ctl_opts, field)

/* Every long option, by name; --help and crrctl(1) tell which command takes which. */
static const struct opt {
	const char *name;
	enum opt_kind kind;
	size_t where; /* in struct ctl_opts */
} opts[] = {
	{ "all", OPT_FLAG, AT(all) },
	{ "allow-http", OPT_FLAG, AT(allow_http) },
	{ "cacert", OPT_TEXT, AT(cacert) },
	{ "created-after", OPT_TEXT, AT(created_after) },
	{ "created-before", OPT_TEXT, AT(created_before) },
	{ "current-only", OPT_FLAG, AT(current_only) },
	{ "deep", OPT_FLAG, AT(deep) },
	{ "delete", OPT_FLAG, AT(delete) },
	{ "dest", OPT_TEXT, AT(dest) },
	{ "destinations", OPT_TEXT, AT(destinations) },
	{ "dry-run", OPT_FLAG, AT(dry_run) },
	{ "json", OPT_FLAG, AT(json) },
	{ "list", OPT_FLAG, AT(list) },
	{ "no-check-certificate", OPT_FLAG, AT(no_check_certificate) },
	{ "noncurrent-days", OPT_DAYS, AT(noncurrent_days) },
	{ "passwd-file", OPT_TEXT, AT(passwd_file) },
	{ "path-style", OPT_FLAG, AT(path_style) },
	{ "prefix", OPT_TEXT, AT(prefix) },
	{ "probe", OPT_FLAG, AT(probe) },
	{ "profile", OPT_TEXT, AT(profile) },
	{ "prometheus", OPT_FLAG, AT(prometheus) },
	{ "region", OPT_TEXT, AT(region) },
	{ "repair", OPT_FLAG, AT(repair) },
	{ "report", OPT_TEXT, AT(report) },
	{ "rules", OPT_TEXT, AT(rules) },
	{ "state", OPT_TEXT, AT(state) },
	{ "status", OPT_TEXT, AT(status) },
	{ "stop", OPT_TEXT, AT(stop) },
	{ "strict", OPT_FLAG, AT(strict) },
	{ "tag", OPT_TAG, 0 },
	{ "timeout", OPT_SECONDS, AT(timeout_ms) },
	{ "to", OPT_TEXT, AT(to) },
	{ "url", OPT_TEXT, AT(url) },
	{ "wait", OPT_FLAG, AT(wait) },
	{ "watch", OPT_FLAG, AT(watch) },
	{ "window", OPT_SPAN, AT(window_ms) },
	{ "yes", OPT_FLAG, AT(yes) },
};

#define OPT_FIRST 256 /* above all letters */

/* "90", "90s", "15m", "1h", "7d" */
static int parse_span(const char *s, int64_t *ret_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	char digits[12];
	size_t n = strspn(s, "0123456789");
	int64_t ms = s[n] ? 0 : 1000;
	uint64_t v;

	for (size_t i = 0; s[n] && !s[n + 1] && i < array_size(units); i++)
		if (s[n] == units[i].unit)
			ms = units[i].ms;
	if (n >= sizeof(digits) || !ms)
		return -EINVAL;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (parse_u64(digits, &v) || !v || v > 1000000000)
		return -EINVAL;
	*ret_ms = (int64_t)v * ms;
	return 0;
}

static int set_option(struct ctl_opts *o, const struct opt *opt, const char *value)
{
	char *field = (char *)o + opt->where;
	uint64_t v;

	switch (opt->kind) {
	case OPT_TEXT: *(const char **)(void *)field = value; return 0;
	case OPT_FLAG: *(bool *)(void *)field = true; return 0;
	case OPT_SECONDS:
		if (parse_u64(value, &v) || v > 1000000000) {
			ctl_say("--%s takes whole seconds, not '%s'", opt->name, value);
			return -EINVAL;
		}
		*(int64_t *)(void *)field = (int64_t)v * 1000;
		return 0;
	case OPT_DAYS:
		if (parse_u64(value, &v) || v == 0 || v > 36500) {
			ctl_say("--%s takes whole days, from 1, not '%s'", opt->name, value);
			return -EINVAL;
		}
		*(unsigned *)(void *)field = (unsigned)v;
		return 0;
	case OPT_SPAN:
		if (!parse_span(value, (int64_t *)(void *)field))
			return 0;
		ctl_say("--%s takes a time such as 90s, 15m, 1h or 7d, not '%s'", opt->name, value);
		return -EINVAL;
	case OPT_TAG:
		if (o->tags_n == CTL_TAGS_MAX || !strchr(value, '=')) {
			ctl_say("--%s takes KEY=VALUE, at most %d times", opt->name, CTL_TAGS_MAX);
			return -EINVAL;
		}
		o->tags[o->tags_n++] = value;
		return 0;
	}
	return -EINVAL;
}

static void long_options(struct option table[array_size(opts) + 3])
{
	size_t n = array_size(opts);

	for (size_t i = 0; i < n; i++)
		table[i] = (struct option){
			.name = opts[i].name,
			.has_arg = opts[i].kind == OPT_FLAG ? no_argument : required_argument,
			.val = OPT_FIRST + (int)i,
		};
	table[n] = (struct option){ .name = "help", .val = 'h' };
	table[n + 1] = (struct option){ .name = "version", .val = 'V' };
	table[n + 2] = (struct option){ 0 };
}

/* 0 go on, 1 done (help, version), -EINVAL said. */
static int read_options(int argc, char **argv, struct ctl_opts *o)
{
	struct option table[array_size(opts) + 3];
	int c, r;

	long_options(table);
	o->timeout_ms = -1;
	while ((c = getopt_long(argc, argv, "hV", table, NULL)) != -1) {
		switch (c) {
		case 'h': help(stdout); return 1;
		case 'V': puts("crrctl " PACKAGE_VERSION); return 1;
		case '?': return -EINVAL;
		default:
			r = set_option(o, &opts[c - OPT_FIRST], optarg);
			if (r)
				return r;
		}
	}
	o->args = argv + optind;
	o->n = argc - optind;
	return 0;
}

int main(int argc, char **argv)
{
	struct ctl_opts o = { 0 };
	int r;

	setlocale(LC_ALL, "");
	log_to_stderr(LOG_LEVEL_WARN);
	r = read_options(argc, argv, &o);
	if (r)
		return r > 0 ? CTL_OK : CTL_USAGE;
	if (!o.n) {
		help(stderr);
		return CTL_USAGE;
	}
	for (size_t i = 0; i < array_size(commands); i++) {
		if (strcmp(commands[i].name, o.args[0]))
			continue;
		o.args++;
		o.n--;
		r = commands[i].run(&o);
		if (fflush(stdout) || ferror(stdout)) {
			ctl_say("cannot write the output");
			return CTL_FAILED;
		}
		return r;
	}
	return usage("unknown command");
}
