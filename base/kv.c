#include "base/kv.h"

#include <errno.h>
#include <string.h>

#include "base/codec.h"

static void item_free(struct kv_item *item)
{
	free(item->name);
	free(item->value);
}

void kv_free(struct kv *kv)
{
	for (size_t i = 0; i < kv->n; i++)
		item_free(&kv->items[i]);
	free(kv->items);
	*kv = KV_EMPTY;
}

/* True with the item's place, or false with the place where it belongs. */
static bool find(const struct kv *kv, const char *name, size_t *ret_at)
{
	size_t low = 0, high = kv->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(kv->items[mid].name, name);

		if (c == 0) {
			*ret_at = mid;
			return true;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_at = low;
	return false;
}

static int make_room(struct kv *kv)
{
	struct kv_item *items;
	size_t cap = kv->cap ? kv->cap * 2 : 4;

	if (kv->n < kv->cap)
		return 0;
	items = reallocarray(kv->items, cap, sizeof(*items));
	if (!items)
		return -ENOMEM;
	kv->items = items;
	kv->cap = cap;
	return 0;
}

int kv_setn(struct kv *kv, const char *name, size_t name_len, const char *value, size_t value_len)
{
	auto_free char *n = NULL;
	auto_free char *v = NULL;
	size_t at;

	if (memchr(name, '\0', name_len) || memchr(value, '\0', value_len))
		return -EINVAL;
	n = strndup(name, name_len);
	v = strndup(value, value_len);
	if (!n || !v)
		return -ENOMEM;
	if (find(kv, n, &at)) {
		free(kv->items[at].value);
		kv->items[at].value = take_ptr(&v);
		return 0;
	}
	if (make_room(kv) < 0)
		return -ENOMEM;
	memmove(&kv->items[at + 1], &kv->items[at], (kv->n - at) * sizeof(*kv->items));
	kv->items[at].name = take_ptr(&n);
	kv->items[at].value = take_ptr(&v);
	kv->n++;
	return 0;
}

int kv_set(struct kv *kv, const char *name, const char *value)
{
	return kv_setn(kv, name, strlen(name), value, strlen(value));
}

const char *kv_get(const struct kv *kv, const char *name)
{
	size_t at;

	return find(kv, name, &at) ? kv->items[at].value : NULL;
}

bool kv_del(struct kv *kv, const char *name)
{
	size_t at;

	if (!find(kv, name, &at))
		return false;
	item_free(&kv->items[at]);
	kv->n--;
	memmove(&kv->items[at], &kv->items[at + 1], (kv->n - at) * sizeof(*kv->items));
	return true;
}

int kv_copy(struct kv *dst, const struct kv *src)
{
	auto_with(kv_free) struct kv copy = KV_EMPTY;
	int r = kv_merge(&copy, src);

	if (r < 0)
		return r;
	kv_move(dst, &copy);
	return 0;
}

int kv_merge(struct kv *dst, const struct kv *src)
{
	for (size_t i = 0; i < src->n; i++) {
		int r = kv_set(dst, src->items[i].name, src->items[i].value);

		if (r < 0)
			return r;
	}
	return 0;
}

void kv_move(struct kv *dst, struct kv *src)
{
	if (dst == src)
		return;
	kv_free(dst);
	*dst = *src;
	*src = KV_EMPTY;
}

bool kv_equal(const struct kv *a, const struct kv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->items[i].name, b->items[i].name) != 0 ||
		    strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	}
	return true;
}

size_t kv_bytes(const struct kv *kv)
{
	size_t sum = 0;

	for (size_t i = 0; i < kv->n; i++)
		sum += strlen(kv->items[i].name) + strlen(kv->items[i].value);
	return sum;
}

int kv_to_query(const struct kv *kv, struct buf *out)
{
	for (size_t i = 0; i < kv->n; i++) {
		if (i > 0)
			buf_addc(out, '&');
		uri_encode(kv->items[i].name, false, out);
		buf_addc(out, '=');
		uri_encode(kv->items[i].value, false, out);
	}
	return out->error;
}

/* One "k=v" of n bytes; no '=' means an empty value. */
static int add_query_pair(struct kv *kv, const char *s, size_t n)
{
	auto_with(buf_free) struct buf name;
	auto_with(buf_free) struct buf value;
	const char *equals = memchr(s, '=', n);
	size_t name_len = equals ? (size_t)(equals - s) : n;
	int r;

	buf_init(&name, n);
	buf_init(&value, n);
	r = uri_decode(s, name_len, true, &name);
	if (r == 0 && equals)
		r = uri_decode(equals + 1, n - name_len - 1, true, &value);
	if (r < 0)
		return r;
	if (name.len == 0)
		return -EINVAL;
	if (kv_get(kv, buf_str(&name)))
		return -EEXIST;
	return kv_set(kv, buf_str(&name), buf_str(&value));
}

int kv_from_query(const char *s, struct kv *ret_kv)
{
	auto_with(kv_free) struct kv kv = KV_EMPTY;

	if (*s != '\0') {
		for (;;) {
			size_t n = strcspn(s, "&");
			int r = add_query_pair(&kv, s, n);

			if (r < 0)
				return r;
			if (s[n] == '\0')
				break;
			s += n + 1;
		}
	}
	*ret_kv = kv;
	kv = KV_EMPTY;
	return 0;
}
