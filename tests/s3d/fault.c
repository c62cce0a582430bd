/*
 * Faults on command, through /_s3d/faults. A rule is a line of name=value words:
 *   op=PutObject key=PREFIX* bucket=B count=N skip=N retry-after=SECS name=N action=ACTION
 */
#include "s3d.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <microhttpd.h>

#define MAX_FAULTS	256
#define COUNT_NOT_GIVEN (-2)

struct fault {
	uint64_t id;
	char op[48], bucket[64], key[1100], action[64], name[64];
	int64_t count, skip;
	bool deny;
	struct fault_hit hit;
};

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct fault *list;
	size_t n;
	uint64_t next_id;
	bool stopping;
} faults = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	     .changed = PTHREAD_COND_INITIALIZER,
	     .next_id = 1 };

static const struct {
	const char *name;
	enum fault_action action;
} actions[] = {
	{ "reset", FAULT_RESET },
	{ "reset-after", FAULT_RESET_AFTER },
	{ "reset-early", FAULT_RESET_EARLY },
	{ "truncate", FAULT_TRUNCATE },
	{ "error200", FAULT_ERROR200 },
	{ "wrong-etag", FAULT_WRONG_ETAG },
	{ "drop-etag", FAULT_DROP_ETAG },
	{ "wrong-checksum", FAULT_WRONG_CHECKSUM },
	{ "damage", FAULT_DAMAGE },
	{ "stall", FAULT_STALL },
};

static int parse_action(struct fault *f, const char *text)
{
	char number[16];

	snprintf(f->action, sizeof(f->action), "%s", text);
	if (!strcmp(text, "deny")) {
		f->deny = true;
		f->hit.action = FAULT_STATUS;
		f->hit.status = 403;
		snprintf(f->hit.code, sizeof(f->hit.code), "AccessDenied");
		return 0;
	}
	if (starts_with(text, "latency:"))
		return parse_int(text + 8, 0, 3600000, &f->hit.latency_ms);
	if (starts_with(text, "status:")) {
		size_t n = strcspn(text + 7, ":");
		int64_t status;
		snprintf(number, sizeof(number), "%.*s", (int)(n < 15 ? n : 15), text + 7);
		if (parse_int(number, 200, 599, &status))
			return -EINVAL;
		f->hit.status = (int)status;
		f->hit.action = FAULT_STATUS;
		if (text[7 + n])
			snprintf(f->hit.code, sizeof(f->hit.code), "%s", text + 8 + n);
		return 0;
	}
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (!strcmp(text, actions[i].name)) {
			f->hit.action = actions[i].action;
			return 0;
		}
	return -EINVAL;
}

static int parse_word(struct fault *f, const char *word)
{
	const char *value = strchr(word, '=');

	if (!value)
		return -EINVAL;
	size_t n = (size_t)(value++ - word);
	if (n == 2 && !strncmp(word, "op", n))
		snprintf(f->op, sizeof(f->op), "%s", value);
	else if (n == 6 && !strncmp(word, "bucket", n))
		snprintf(f->bucket, sizeof(f->bucket), "%s", value);
	else if (n == 3 && !strncmp(word, "key", n))
		snprintf(f->key, sizeof(f->key), "%s", value);
	else if (n == 4 && !strncmp(word, "name", n))
		snprintf(f->name, sizeof(f->name), "%s", value);
	else if (n == 5 && !strncmp(word, "count", n))
		return parse_int(value, -1, INT64_MAX, &f->count);
	else if (n == 4 && !strncmp(word, "skip", n))
		return parse_int(value, 0, INT64_MAX, &f->skip);
	else if (n == 11 && !strncmp(word, "retry-after", n))
		return parse_int(value, 0, 86400, &f->hit.retry_after);
	else if (n == 6 && !strncmp(word, "action", n))
		return parse_action(f, value);
	else
		return -EINVAL;
	return 0;
}

static int parse_line(struct fault *f, char *line)
{
	char *save = NULL;

	*f = (struct fault){ .count = COUNT_NOT_GIVEN, .hit.retry_after = -1 };
	for (char *w = strtok_r(line, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
		char *word = url_decode(w, strlen(w), false);
		int rc = word ? parse_word(f, word) : -EINVAL;
		free(word);
		if (rc)
			return rc;
	}
	if (f->count == COUNT_NOT_GIVEN)
		f->count = f->deny ? -1 : 1;
	return f->action[0] ? 0 : -EINVAL;
}

static int add_rules(struct req *r, bool append)
{
	struct fault *list = x_calloc(MAX_FAULTS, sizeof(*list));
	char *save = NULL, *text = r->body.mem.p ? r->body.mem.p : NULL;
	size_t n = 0;

	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save)) {
		l += strspn(l, " \t\r");
		if (!*l || *l == '#')
			continue;
		if (n == MAX_FAULTS || parse_line(&list[n], l)) {
			free(list);
			return -EINVAL;
		}
		n++;
	}
	pthread_mutex_lock(&faults.mutex);
	if (!append)
		faults.n = 0;
	faults.list = x_realloc(faults.list, (faults.n + n) * sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		list[i].hit.id = list[i].id = faults.next_id++;
		faults.list[faults.n++] = list[i];
	}
	pthread_cond_broadcast(&faults.changed);
	pthread_mutex_unlock(&faults.mutex);
	free(list);
	return 0;
}

static void show(struct req *r)
{
	pthread_mutex_lock(&faults.mutex);
	for (size_t i = 0; i < faults.n; i++) {
		const struct fault *f = &faults.list[i];
		buf_fmt(&r->out, "op=%s bucket=%s key=", f->op[0] ? f->op : "*",
			f->bucket[0] ? f->bucket : "*");
		buf_url(&r->out, f->key[0] ? f->key : "*", strlen(f->key[0] ? f->key : "*"), "/*",
			false);
		buf_fmt(&r->out, " count=%lld skip=%lld", (long long)f->count, (long long)f->skip);
		if (f->hit.retry_after >= 0)
			buf_fmt(&r->out, " retry-after=%lld", (long long)f->hit.retry_after);
		if (f->name[0])
			buf_fmt(&r->out, " name=%s", f->name);
		buf_fmt(&r->out, " action=%s\n", f->action);
	}
	pthread_mutex_unlock(&faults.mutex);
}

/* Those of this name; NULL for all. */
static void remove_rules(const char *name)
{
	size_t kept = 0;

	pthread_mutex_lock(&faults.mutex);
	for (size_t i = 0; i < faults.n; i++)
		if (name && strcmp(faults.list[i].name, name))
			faults.list[kept++] = faults.list[i];
	faults.n = kept;
	pthread_cond_broadcast(&faults.changed);
	pthread_mutex_unlock(&faults.mutex);
}

int fault_admin(struct req *r)
{
	size_t n = strcspn(r->uri, "?");
	bool is_faults = n == 12 && !strncmp(r->uri, "/_s3d/faults", n);

	r->status = 200;
	req_set(r, "Content-Type", "text/plain");
	if (n == 12 && !strncmp(r->uri, "/_s3d/health", n)) {
		buf_str(&r->out, "ok\n");
	} else if (is_faults && (!strcmp(r->method, "PUT") || !strcmp(r->method, "POST"))) {
		if (add_rules(r, !strcmp(r->method, "POST"))) {
			r->status = 400;
			buf_str(&r->out, "bad fault rule; nothing was changed\n");
			return 0;
		}
		show(r);
	} else if (is_faults && !strcmp(r->method, "DELETE")) {
		const char *name = strstr(r->uri, "?name=");
		remove_rules(name ? name + 6 : NULL);
	} else if (is_faults && !strcmp(r->method, "GET")) {
		show(r);
	} else {
		r->status = 404;
		buf_str(&r->out, "no such page\n");
	}
	return 0;
}

/* A pattern ending in * is a prefix; an empty one matches all. */
static bool pattern_match(const char *pattern, const char *text)
{
	size_t n = strlen(pattern);

	if (!n)
		return true;
	if (!text)
		text = "";
	if (pattern[n - 1] == '*')
		return !strncmp(pattern, text, n - 1);
	return !strcmp(pattern, text);
}

/* Permissions that a request needs because of a header, besides that of its operation. */
static const struct {
	const char *header, *permission;
} implied[] = {
	{ "x-amz-tagging", "PutObjectTagging" },
	{ "x-amz-acl", "PutObjectAcl" },
	{ "x-amz-grant-full-control", "PutObjectAcl" },
	{ "x-amz-grant-read", "PutObjectAcl" },
	{ "x-amz-grant-read-acp", "PutObjectAcl" },
	{ "x-amz-grant-write-acp", "PutObjectAcl" },
	{ "x-amz-object-lock-mode", "PutObjectRetention" },
	{ "x-amz-object-lock-legal-hold", "PutObjectLegalHold" },
	{ "x-amz-bypass-governance-retention", "BypassGovernanceRetention" },
};

static bool op_match(const struct fault *f, const struct req *r)
{
	if (pattern_match(f->op, r->op->name))
		return true;
	for (size_t i = 0; f->deny && i < sizeof(implied) / sizeof(implied[0]); i++)
		if (req_header(r, implied[i].header) && pattern_match(f->op, implied[i].permission))
			return true;
	return false;
}

/* Of a request with a body, what comes is damaged; of a read, what goes. */
static bool is_early(const struct fault *f, const struct req *r)
{
	return f->hit.action == FAULT_RESET_EARLY ||
	       (f->hit.action == FAULT_DAMAGE && r->body.expected);
}

/* early: before the body, for those alone. Latency adds to the first other action. */
void fault_match(struct req *r, bool early)
{
	pthread_mutex_lock(&faults.mutex);
	for (size_t i = 0; i < faults.n; i++) {
		struct fault *f = &faults.list[i];
		if (early != is_early(f, r) || !f->count || !op_match(f, r) ||
		    !pattern_match(f->bucket, r->bucket) || !pattern_match(f->key, r->key))
			continue;
		if (f->skip) {
			f->skip--;
			continue;
		}
		if (f->count > 0)
			f->count--;
		int64_t latency = r->fault.latency_ms + f->hit.latency_ms;
		if (f->hit.action) {
			r->fault = f->hit;
			r->fault.latency_ms = latency;
			break;
		}
		r->fault.latency_ms = latency;
	}
	pthread_mutex_unlock(&faults.mutex);
}

static bool still_there(uint64_t id)
{
	for (size_t i = 0; i < faults.n; i++)
		if (faults.list[i].id == id)
			return true;
	return false;
}

static bool hung_up(const struct req *r)
{
	const union MHD_ConnectionInfo *i =
		MHD_get_connection_info(r->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd p = { .fd = i ? i->connect_fd : -1, .events = POLLRDHUP };

	return i && poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* Waits out a latency, or a stall until it is cleared; a client that hangs up ends both. */
void fault_wait(struct req *r)
{
	bool stall = r->fault.action == FAULT_STALL;
	int64_t until = now_ms() + r->fault.latency_ms;

	if (!stall && !r->fault.latency_ms)
		return;
	pthread_mutex_lock(&faults.mutex);
	while (!faults.stopping && (now_ms() < until || (stall && still_there(r->fault.id)))) {
		int64_t next = now_ms() + 100;
		if (!stall && next > until)
			next = until;
		struct timespec ts = { next / 1000, next % 1000 * 1000000 };
		pthread_cond_timedwait(&faults.changed, &faults.mutex, &ts);
		if (hung_up(r)) {
			r->fault.action = FAULT_RESET;
			break;
		}
	}
	if (faults.stopping)
		r->fault.action = FAULT_RESET;
	pthread_mutex_unlock(&faults.mutex);
}

void fault_stop(void)
{
	pthread_mutex_lock(&faults.mutex);
	faults.stopping = true;
	pthread_cond_broadcast(&faults.changed);
	pthread_mutex_unlock(&faults.mutex);
}
