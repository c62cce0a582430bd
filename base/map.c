#include "base/map.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_BUCKETS 16

struct entry {
	struct entry *next;
	void *value;
	uint64_t hash;
	char key[];
};

struct map {
	struct entry **buckets;
	size_t n_buckets; /* a power of two */
	size_t count;
	uint64_t seed[2];
};

static uint64_t rotate(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3: keys are other people's object names, which must not choose their bucket. */
static uint64_t hash_key(const struct map *m, const char *key)
{
	size_t n = strlen(key), left = n;
	uint64_t v[4] = {
		m->seed[0] ^ 0x736f6d6570736575,
		m->seed[1] ^ 0x646f72616e646f6d,
		m->seed[0] ^ 0x6c7967656e657261,
		m->seed[1] ^ 0x7465646279746573,
	};
	uint64_t word;

	for (; left >= 8; left -= 8, key += 8) {
		memcpy(&word, key, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	memcpy(&word, key, left);
	word ^= (uint64_t)n << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int map_new(struct map **ret_m)
{
	struct map *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->buckets = calloc(FIRST_BUCKETS, sizeof(struct entry *));
	if (!m->buckets) {
		free(m);
		return -ENOMEM;
	}
	m->n_buckets = FIRST_BUCKETS;
	/* Without randomness the map still works; it is only easier to provoke. */
	if (getrandom(m->seed, sizeof(m->seed), GRND_NONBLOCK) < 0)
		m->seed[0] = (uint64_t)(uintptr_t)m;
	*ret_m = m;
	return 0;
}

void map_free(struct map *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_buckets; i++) {
		struct entry *e = m->buckets[i];

		while (e) {
			struct entry *next = e->next;

			free(e);
			e = next;
		}
	}
	free(m->buckets);
	free(m);
}

/* The link that points to key's entry, or to the NULL where its chain ends. */
static struct entry **find(const struct map *m, const char *key, uint64_t hash)
{
	struct entry **link = &m->buckets[hash & (m->n_buckets - 1)];

	while (*link && ((*link)->hash != hash || strcmp((*link)->key, key) != 0))
		link = &(*link)->next;
	return link;
}

void *map_get(const struct map *m, const char *key)
{
	struct entry *e = *find(m, key, hash_key(m, key));

	return e ? e->value : NULL;
}

/* Failure to grow makes the map slower, not wrong. */
static void grow(struct map *m)
{
	size_t n = m->n_buckets * 2;
	struct entry **buckets = calloc(n, sizeof(struct entry *));

	if (!buckets)
		return;
	for (size_t i = 0; i < m->n_buckets; i++) {
		struct entry *e = m->buckets[i];

		while (e) {
			struct entry *next = e->next;
			struct entry **bucket = &buckets[e->hash & (n - 1)];

			e->next = *bucket;
			*bucket = e;
			e = next;
		}
	}
	free(m->buckets);
	m->buckets = buckets;
	m->n_buckets = n;
}

int map_set(struct map *m, const char *key, void *value)
{
	uint64_t hash = hash_key(m, key);
	struct entry **link, *e;
	size_t n = strlen(key) + 1;

	if (!value)
		return -EINVAL;
	e = *find(m, key, hash);
	if (e) {
		e->value = value;
		return 0;
	}
	e = malloc(sizeof(*e) + n);
	if (!e)
		return -ENOMEM;
	if (m->count >= m->n_buckets)
		grow(m);
	link = &m->buckets[hash & (m->n_buckets - 1)];
	e->next = *link;
	e->value = value;
	e->hash = hash;
	memcpy(e->key, key, n);
	*link = e;
	m->count++;
	return 0;
}

void *map_del(struct map *m, const char *key)
{
	struct entry **link = find(m, key, hash_key(m, key));
	struct entry *e = *link;
	void *value;

	if (!e)
		return NULL;
	value = e->value;
	*link = e->next;
	free(e);
	m->count--;
	return value;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

int map_each(const struct map *m, int (*fn)(void *arg, const char *key, void *value), void *arg)
{
	for (size_t i = 0; i < m->n_buckets; i++) {
		for (struct entry *e = m->buckets[i]; e; e = e->next) {
			int r = fn(arg, e->key, e->value);

			if (r != 0)
				return r;
		}
	}
	return 0;
}
