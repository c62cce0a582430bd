#include "base/json.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/codec.h"

#define DEPTH_MAX 32
#define NODES_MAX 200000

/*
 * jansson says nothing of where a value stood. So the text, once it is known to be valid, is walked
 * a second time in step with jansson's tree, which keeps the members in their order.
 */
struct cursor {
	const char *s;
	const char *end;
	int line, col;
};

static void step(struct cursor *c)
{
	if (*c->s == '\n') {
		c->line++;
		c->col = 1;
	} else if (((unsigned char)*c->s & 0xc0) != 0x80) {
		c->col++;
	}
	c->s++;
}

static bool at_any(const struct cursor *c, const char *set)
{
	return c->s < c->end && *c->s != '\0' && strchr(set, *c->s);
}

static void skip_blanks(struct cursor *c)
{
	while (at_any(c, " \t\r\n"))
		step(c);
}

/* Passes the bracket, comma or colon that must be next. */
static void skip_mark(struct cursor *c)
{
	skip_blanks(c);
	if (c->s < c->end)
		step(c);
	skip_blanks(c);
}

static void skip_string(struct cursor *c)
{
	step(c);
	while (c->s < c->end && *c->s != '"') {
		if (*c->s == '\\')
			step(c);
		if (c->s < c->end)
			step(c);
	}
	if (c->s < c->end)
		step(c);
}

static void skip_word(struct cursor *c)
{
	while (c->s < c->end && !at_any(c, " \t\r\n,]}"))
		step(c);
}

static int read_value(struct cursor *c, const json_t *v, struct doc_node *parent, const char *name,
		      struct doc_node **ret_n);

static int read_members(struct cursor *c, const json_t *v, struct doc_node *n)
{
	const char *name;
	json_t *member;

	skip_mark(c);
	json_object_foreach((json_t *)v, name, member)
	{
		struct doc_node *child;
		int r;

		skip_string(c);
		skip_mark(c);
		r = read_value(c, member, n, name, &child);
		if (r < 0)
			return r;
		/* A comma, or the brace after the last member. */
		skip_mark(c);
	}
	if (json_object_size(v) == 0)
		skip_mark(c);
	return 0;
}

static int read_items(struct cursor *c, const json_t *v, struct doc_node *parent, const char *name)
{
	struct doc_node *child;
	size_t i;
	json_t *item;
	int r;

	if (json_array_size(v) == 0) {
		r = doc_add(parent, name, "", &child);
		if (r < 0)
			return r;
		child->kind = DOC_ARRAY_ITEM;
		child->empty_array = true;
		child->line = c->line;
		child->col = c->col;
	}
	skip_mark(c);
	json_array_foreach(v, i, item)
	{
		struct doc_node *to = parent;

		if (json_is_array(item)) {
			r = doc_add(parent, name, "", &to);
			if (r < 0)
				return r;
			to->kind = DOC_ARRAY_ITEM;
			to->line = c->line;
			to->col = c->col;
		}
		r = read_value(c, item, to, name, &child);
		if (r < 0)
			return r;
		skip_mark(c);
	}
	if (json_array_size(v) == 0)
		skip_mark(c);
	return 0;
}

static int read_scalar(struct cursor *c, const json_t *v, struct doc_node *parent, const char *name)
{
	auto_free char *word = NULL;
	const char *text, *from = c->s;
	struct doc_node *n;
	int line = c->line, col = c->col, r;

	if (json_is_string(v))
		skip_string(c);
	else
		skip_word(c);
	if (json_is_string(v)) {
		text = json_string_value(v);
	} else if (json_is_null(v)) {
		text = NULL;
	} else {
		/* As written: a number keeps its spelling. */
		word = strndup(from, (size_t)(c->s - from));
		if (!word)
			return -ENOMEM;
		text = word;
	}
	r = doc_add(parent, name, text, &n);
	if (r < 0)
		return r;
	n->kind = json_is_string(v)   ? DOC_STRING
		  : json_is_null(v)   ? DOC_NULL
		  : json_is_number(v) ? DOC_NUMBER
				      : DOC_BOOL;
	n->line = line;
	n->col = col;
	return 0;
}

/* ret_n is set for an object only. */
static int read_value(struct cursor *c, const json_t *v, struct doc_node *parent, const char *name,
		      struct doc_node **ret_n)
{
	struct doc_node *n;
	int r;

	if (json_is_array(v))
		return read_items(c, v, parent, name);
	if (!json_is_object(v))
		return read_scalar(c, v, parent, name);
	r = doc_add(parent, name, "", &n);
	if (r < 0)
		return r;
	n->kind = DOC_OBJECT;
	n->line = c->line;
	n->col = c->col;
	*ret_n = n;
	return read_members(c, v, n);
}

static int refuse(struct doc_error *e, int error, int line, int col, const char *message)
{
	if (e) {
		e->line = line;
		e->col = col;
		printable(message, e->message, sizeof(e->message));
	}
	return error;
}

/*
 * The caps are checked before jansson builds anything. Strings are passed over; validity is
 * jansson's business.
 */
static int check_caps(const char *s, size_t n, struct doc_error *ret_err)
{
	struct cursor c = { s, s + n, 1, 1 };
	size_t depth = 0, values = 1;

	if (n > BUF_LIMIT_DOC)
		return refuse(ret_err, -E2BIG, 0, 0, "the document is over 16 MiB");
	while (c.s < c.end) {
		if (*c.s == '"') {
			skip_string(&c);
			continue;
		}
		if (*c.s == '{' || *c.s == '[')
			depth++;
		else if ((*c.s == '}' || *c.s == ']') && depth > 0)
			depth--;
		if (at_any(&c, "{[,"))
			values++;
		if (depth > DEPTH_MAX)
			return refuse(ret_err, -E2BIG, c.line, c.col, "nested too deeply");
		if (values > NODES_MAX)
			return refuse(ret_err, -E2BIG, c.line, c.col, "too many values");
		step(&c);
	}
	return 0;
}

/*
 * Short of memory, jansson may say of a good text that a token of it is wrong. So it is given an
 * allocator that keeps in mind whether there was enough: by thread, since it takes no argument.
 */
static _Thread_local bool was_short;

static void *note_malloc(size_t n)
{
	void *p = malloc(n);

	if (!p)
		was_short = true;
	return p;
}

static void init_library(void)
{
	json_set_alloc_funcs(note_malloc, free);
}

static int load(const char *s, size_t n, json_t **ret_v, struct doc_error *ret_err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	json_error_t e;
	json_t *v;
	int r = check_caps(s, n, ret_err);

	if (r < 0)
		return r;
	pthread_once(&once, init_library);
	was_short = false;
	v = json_loadb(s, n, JSON_REJECT_DUPLICATES, &e);
	if (!v) {
		if (was_short)
			return refuse(ret_err, -ENOMEM, 0, 0, "out of memory");
		return refuse(ret_err, -EINVAL, e.line, e.column, e.text);
	}
	if (!json_is_object(v)) {
		json_decref(v);
		return refuse(ret_err, -EINVAL, 1, 1, "not a JSON object");
	}
	*ret_v = v;
	return 0;
}

int json_read(const char *s, size_t n, struct doc_node **ret_root, struct doc_error *ret_err)
{
	struct cursor c = { s, s + n, 1, 1 };
	struct doc_node *root = NULL;
	json_t *v;
	int r = load(s, n, &v, ret_err);

	if (r < 0)
		return r;
	skip_blanks(&c);
	r = read_value(&c, v, NULL, "", &root);
	json_decref(v);
	if (r < 0) {
		doc_free(root);
		return refuse(ret_err, r, 0, 0, "out of memory");
	}
	*ret_root = root;
	return 0;
}

void json_start(struct json_out *j, struct buf *b, bool pretty)
{
	*j = (struct json_out){ .b = b, .pretty = pretty };
}

static void put_string(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	while (*s) {
		size_t k = utf8_step(s);

		if (k == 0)
			buf_adds(b, "\xef\xbf\xbd");
		else if (*s == '"' || *s == '\\')
			buf_addf(b, "\\%c", *s);
		else if (*s == '\n')
			buf_adds(b, "\\n");
		else if (*s == '\t')
			buf_adds(b, "\\t");
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			buf_addf(b, "\\u%04x", (unsigned)*s);
		else
			buf_add(b, s, k);
		s += max_of(k, (size_t)1);
	}
	buf_addc(b, '"');
}

static void break_line(struct json_out *j)
{
	if (j->pretty)
		buf_addf(j->b, "\n%*s", (int)j->depth * 2, "");
}

/* The comma before a value, and its name. */
static void put_name(struct json_out *j, const char *name)
{
	if (j->need_comma[j->depth])
		buf_addc(j->b, ',');
	j->need_comma[j->depth] = true;
	if (j->depth > 0)
		break_line(j);
	if (name) {
		put_string(j->b, name);
		buf_adds(j->b, j->pretty ? ": " : ":");
	}
}

void json_open(struct json_out *j, const char *name, char bracket)
{
	put_name(j, name);
	buf_addc(j->b, bracket);
	if (j->depth + 1 >= array_size(j->need_comma)) {
		if (!j->b->error)
			j->b->error = -E2BIG;
		return;
	}
	j->need_comma[++j->depth] = false;
}

void json_close(struct json_out *j, char bracket)
{
	bool had_values = j->need_comma[j->depth];

	if (j->depth > 0)
		j->depth--;
	if (had_values)
		break_line(j);
	buf_addc(j->b, bracket);
}

void json_str(struct json_out *j, const char *name, const char *value)
{
	put_name(j, name);
	if (value)
		put_string(j->b, value);
	else
		buf_adds(j->b, "null");
}

void json_u64(struct json_out *j, const char *name, uint64_t v)
{
	put_name(j, name);
	buf_addf(j->b, "%llu", (unsigned long long)v);
}

void json_i64(struct json_out *j, const char *name, int64_t v)
{
	put_name(j, name);
	buf_addf(j->b, "%lld", (long long)v);
}

void json_bool(struct json_out *j, const char *name, bool v)
{
	put_name(j, name);
	buf_adds(j->b, v ? "true" : "false");
}

int json_from_kv(const struct kv *kv, struct buf *out)
{
	struct json_out j;

	json_start(&j, out, false);
	json_open(&j, NULL, '{');
	for (size_t i = 0; i < kv->n; i++)
		json_str(&j, kv->items[i].name, kv->items[i].value);
	json_close(&j, '}');
	return out->error;
}

int json_to_kv(const char *s, struct kv *ret_kv)
{
	auto_with(kv_free) struct kv kv = KV_EMPTY;
	const char *name;
	json_t *v, *member;
	int r = load(s, strlen(s), &v, NULL);

	if (r < 0)
		return r;
	json_object_foreach(v, name, member)
	{
		r = json_is_string(member) ? kv_set(&kv, name, json_string_value(member)) : -EINVAL;
		if (r < 0)
			break;
	}
	json_decref(v);
	if (r < 0)
		return r;
	*ret_kv = kv;
	kv = KV_EMPTY;
	return 0;
}
