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
	{ "wait", ctl_wait, "[PATH]", "until everything written so far is replicated" },
	{ "retry", ctl_retry, "[PATH]",
	  "send FAILED versions again (--dest ARN: of one destination)" },
	{ "versions", ctl_versions, "PATH|KEY",
	  "which source version is which version at a destination" },
	{ "rules", ctl_rules, "show|reload|check",
	  "the rules in force; read them again; try a FILE" },
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
		fprintf(to, "  %-8s %-18s %s\n", commands[i].name, commands[i].args,
			commands[i].help);
	fputs("\n"
	      "      --state DIR      the state directory, also while nothing is mounted\n"
	      "      --json           for programs (status, queue, versions)\n"
	      "      --watch          status: again each second, until interrupted\n"
	      "      --timeout SECS   wait: give up then, with exit status 3\n"
	      "      --dest ARN       queue, retry: this destination only\n"
	      "      --all            queue: done rows too\n"
	      "  -h, --help  -V, --version\n\n"
	      "Exit status: 0 good, 1 error, 2 something is FAILED (wait), 3 timed out, 64 usage.\n"
	      "crrctl(1) has the details, crrfs-queue(7) what the states mean.\n",
	      to);
}

static int usage(const char *what)
{
	ctl_say("%s; 'crrctl --help' lists the commands", what);
	return CTL_USAGE;
}

enum { OPT_STATE = 256, OPT_JSON, OPT_WATCH, OPT_TIMEOUT, OPT_DEST, OPT_ALL };

static const struct option long_options[] = {
	{ "state", required_argument, NULL, OPT_STATE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "watch", no_argument, NULL, OPT_WATCH },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "dest", required_argument, NULL, OPT_DEST },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* 0 go on, 1 done (help, version), -EINVAL said. */
static int read_options(int argc, char **argv, struct ctl_opts *o)
{
	uint64_t seconds;
	int c;

	o->timeout_ms = -1;
	while ((c = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		switch (c) {
		case OPT_STATE: o->state = optarg; break;
		case OPT_JSON: o->json = true; break;
		case OPT_WATCH: o->watch = true; break;
		case OPT_DEST: o->dest = optarg; break;
		case OPT_ALL: o->all = true; break;
		case OPT_TIMEOUT:
			if (parse_u64(optarg, &seconds) || seconds > 1000000000) {
				ctl_say("--timeout takes whole seconds, not '%s'", optarg);
				return -EINVAL;
			}
			o->timeout_ms = (int64_t)seconds * 1000;
			break;
		case 'h': help(stdout); return 1;
		case 'V': puts("crrctl " PACKAGE_VERSION); return 1;
		default: return -EINVAL;
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
