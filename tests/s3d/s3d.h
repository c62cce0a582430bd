/*
 * s3d: a small, strict S3 server for tests. One process, one SQLite index, bodies as files.
 *
 * Handlers answer through struct req and return 0, or -1 once an error answer is filled in
 * (req_fail always returns -1). Helpers that know nothing of a request return 0 or -errno.
 * Running out of memory ends the process: this is a test server.
 */
#ifndef S3D_H
#define S3D_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>
#include <sqlite3.h>

struct MHD_Connection;

#define KIB	   1024LL
#define MIB	   (1024LL * KIB)
#define GIB	   (1024LL * MIB)
#define ROW_BODY   (16 * 1024)	/* bodies up to this size live in the index */
#define SMALL_BODY (128 * 1024) /* up to this size in memory until stored */
#define MAX_XML	   (2 * 1024 * 1024)

/* ---- util.c: strings, encodings, time ---- */

struct buf {
	char *p; /* NUL-terminated unless NULL */
	size_t len, cap;
};

void *x_malloc(size_t n);
void *x_calloc(size_t n, size_t size);
void *x_realloc(void *p, size_t n);
char *x_strdup(const char *s); /* NULL gives NULL */
char *x_strndup(const char *s, size_t n);
char *x_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_fmt(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull(1, 2)));
void buf_url(struct buf *b, const char *s, size_t n, const char *keep, bool plus);
char *buf_take(struct buf *b); /* returns new; never NULL */
void buf_free(struct buf *b);
void hex_encode(const uint8_t *in, size_t n, char *out);
char *b64_encode(const uint8_t *in, size_t n); /* returns new */
int b64_decode(const char *s, uint8_t *out, size_t want);
char *url_decode(const char *s, size_t n, bool plus); /* returns new; NULL if malformed */
bool utf8_valid(const char *s);
size_t utf16_length(const char *s);
void random_hex(char *out, size_t digits);
void random_id(char out[33]);
int64_t now_ms(void);
void time_http(int64_t ms, char out[40]);
void time_iso(int64_t ms, char out[40]);
int time_parse_iso(const char *s, int64_t *ret_ms); /* basic or extended form */
int time_parse_iso_ns(const char *s, int64_t *ret_ns);
int time_parse_http(const char *s, int64_t *ret_ms);
int parse_int(const char *s, int64_t min, int64_t max, int64_t *ret);
bool starts_with(const char *s, const char *prefix);
bool str_eq(const char *a, const char *b); /* both may be NULL */

/* ---- crc.c ---- */

uint32_t crc32_update(uint32_t crc, const uint8_t *p, size_t n);
uint32_t crc32c_update(uint32_t crc, const uint8_t *p, size_t n);
uint64_t crc64nvme_update(uint64_t crc, const uint8_t *p, size_t n);
void crc_init(void);

/* ---- main.c: configuration, fixed after start ---- */

struct account {
	char *id, *secret, *owner, *token;
	char canonical[65];
	/* signing key cache, guarded by auth.c's lock */
	char cache_scope[80];
	uint8_t cache_key[32];
};

struct conf {
	char *dir;
	char *host;
	uint16_t port;
	char *regions[16];
	size_t nregions;
	struct account accounts[32];
	size_t naccounts;
	char *known[16]; /* owners of accounts without a key, which nobody can sign for */
	size_t nknown;
	char *log_file, *ready_file, *pid_file, *tls_cert, *tls_key;
	bool allow_remote, daemonize;
	char *create[64];
	size_t ncreate;
	bool minio, check_destinations;
	int64_t min_part; /* of all parts but the last */
};

extern struct conf conf;
struct account *account_by_id(const char *id);
struct account *account_by_owner(const char *owner);
struct account *account_by_canonical(const char *canonical);
bool region_served(const char *region);

/* ---- store.c, bucket rows and versions ---- */

enum versioning { VERSIONING_NEVER, VERSIONING_ENABLED, VERSIONING_SUSPENDED };

struct bucket {
	char name[64], region[32], owner[256];
	enum versioning versioning;
	bool object_lock;
	int64_t created;
};

struct ver {
	int64_t seq; /* the order in age; before ver_insert 0: the newest */
	int64_t size, mtime, lock_until;
	bool latest, marker, hold;
	char *key, *vid, *etag, *file, *meta, *tags, *acl, *owner, *class, *parts, *csum,
		*lock_mode;
};

int store_open(const char *dir);
void store_close(void);
void db_lock(void); /* may be nested */
void db_unlock(void);
sqlite3_stmt *db_query(const char *sql, const char *fmt,
		       ...); /* s text, i int, z text, b blob with length */
void db_done(sqlite3_stmt *st);
int db_run(const char *sql, const char *fmt, ...);
int db_begin(void);
int db_commit(void);
void db_rollback(void);
char *db_text(sqlite3_stmt *st, int col); /* returns new or NULL */
char *data_path(const char *file);	  /* returns new */
char *tmp_path(const char *file);	  /* returns new */
int64_t db_last_id(void);

/* store_ver.c; all need db_lock */
int bucket_find(const char *name, struct bucket *ret);
int bucket_insert(const struct bucket *b);
char *bucket_conf_get(const char *bucket, const char *kind); /* returns new or NULL */
int bucket_conf_put(const char *bucket, const char *kind, const char *body);
void ver_from_row(sqlite3_stmt *st, struct ver *v);
int ver_find(const char *bucket, const char *key, const char *vid, struct ver *ret);
int ver_insert(const struct bucket *b, struct ver *v, char **ret_old_file);
int ver_remove(const char *bucket, const struct ver *v);
void ver_free(struct ver *v);

/* ---- body.c: what arrives ---- */

enum csum_alg {
	CSUM_NONE,
	CSUM_CRC32,
	CSUM_CRC32C,
	CSUM_CRC64NVME,
	CSUM_SHA1,
	CSUM_SHA256,
	CSUM_N
};

struct csum {
	enum csum_alg alg;
	uint32_t crc32;
	uint64_t crc64;
	EVP_MD_CTX *ctx;
};

extern const char *const csum_names[CSUM_N]; /* "crc32", ... */
size_t csum_length(enum csum_alg alg);
enum csum_alg csum_by_name(const char *name); /* any case */
void csum_start(struct csum *c, enum csum_alg alg);
void csum_update(struct csum *c, const void *p, size_t n);
size_t csum_final(struct csum *c, uint8_t out[32]);
void csum_free(struct csum *c);
/* The element of XML bodies: "ChecksumCRC32C". */
void csum_element(enum csum_alg alg, char out[24]);

enum payload { PAYLOAD_UNSIGNED, PAYLOAD_SIGNED, PAYLOAD_CHUNKED_UNSIGNED, PAYLOAD_CHUNKED_SIGNED };

struct chunked;

struct body {
	bool expected; /* the request carries a body */
	bool object;   /* may go to a file; otherwise at most MAX_XML */
	enum payload payload;
	bool trailer;
	bool damage; /* the first byte is to become another */
	char sha256_want[65];
	int64_t content_length; /* -1: not given */
	int64_t decoded_length; /* -1: not given */
	int64_t wire, size;
	struct buf mem;
	int fd;
	char file[33]; /* temporary name once spilled */
	EVP_MD_CTX *md5, *sha256;
	char md5_hex[33];
	uint8_t md5_raw[16];
	bool md5_wanted;
	uint8_t md5_want[16];
	struct csum csum;
	char *csum_want; /* base64 */
	bool csum_trailer;
	char *csum_value; /* base64, after body_finish */
	struct chunked *ck;
};

struct req;
void hash_init(void);
void sha256_hex(const void *p, size_t n, char out[65]);
void hmac_sha256(const void *key, size_t klen, const void *p, size_t n, uint8_t out[32]);
EVP_MD_CTX *md5_new(void);
int body_begin(struct req *r);
int body_needs_digest(struct req *r);
int body_raw(struct req *r, const char *p, size_t n); /* after decoding */
int body_feed(struct req *r, const char *p, size_t n);
int body_finish(struct req *r);
int body_store(struct req *r, char file[33], bool *ret_has_file);
void body_free(struct body *b);

/* chunked.c: aws-chunked */
struct chunked *chunked_new(void);
int chunked_feed(struct req *r, struct chunked *c, const char *p, size_t n);
int chunked_finish(struct req *r, struct chunked *c);
void chunked_free(struct chunked *c);

/* ---- http.c, req.c ---- */

struct kv {
	char *name, *value;
};

struct op;

enum fault_action {
	FAULT_NONE,
	FAULT_STATUS,
	FAULT_RESET,
	FAULT_RESET_AFTER,
	FAULT_RESET_EARLY,
	FAULT_TRUNCATE,
	FAULT_ERROR200,
	FAULT_WRONG_ETAG,
	FAULT_DROP_ETAG,
	FAULT_WRONG_CHECKSUM,
	FAULT_DAMAGE,
	FAULT_STALL,
};

struct fault_hit {
	enum fault_action action;
	int64_t latency_ms, retry_after;
	int status;
	char code[64];
	uint64_t id;
};

struct req {
	struct MHD_Connection *conn;
	char method[16];
	char *uri, *raw_query, *path; /* path: decoded, whole */
	struct kv *params;
	size_t nparams;
	char *bucket, *key; /* NULL when absent; decoded */
	const struct op *op;
	const struct account *who;
	struct bucket b; /* filled for operations on an existing bucket */
	char reqid[17];
	int64_t start_ms;
	bool started, failed, logged, admin, head, close_silently, expect;
	unsigned lacks; /* what the server is said to lack for this bucket */

	/* from the signature, for signed chunks */
	uint8_t sign_key[32];
	char sign_date[20], sign_scope[96], sign_seed[65];

	struct body body;
	struct ver v; /* attributes of the object to be made */
	struct fault_hit fault;

	/* the answer */
	int status;
	struct buf out, hdr; /* hdr: name NUL value NUL ... */
	int fd;
	int64_t off, len;
	bool has_len;
};

const char *req_header(const struct req *r, const char *name);
int req_headers_each(const struct req *r, int (*fn)(void *arg, const char *name, const char *value),
		     void *arg);
const char *req_param(const struct req *r, const char *name); /* "" when without a value */
void req_set(struct req *r, const char *name, const char *value);
void req_setf(struct req *r, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *req_get_set(const struct req *r, const char *name);
void req_unset(struct req *r, const char *name);
int req_fail(struct req *r, const char *code, const char *message);
int req_fail_x(struct req *r, const char *code, const char *message, const char *extra, ...);
int req_parse(struct req *r); /* path, query, bucket, key */
void req_clear_answer(struct req *r);
void req_free(struct req *r);
int http_start(void);
uint16_t http_port(void);
void http_stop(void);

/* ---- auth.c, access.c ---- */

int auth_check(struct req *r);
int access_bucket(struct req *r); /* loads r->b, checks owner, region, permission */
bool access_object(struct req *r, const struct ver *v, const char *perm);

/* ---- route.c ---- */

enum body_kind { TAKES_NONE, TAKES_XML, TAKES_OBJECT };

struct op {
	const char *name, *method;
	char scope;			     /* S service, B bucket, O object */
	const char *param, *param2, *header; /* must be present; NULL for any */
	enum body_kind body;
	char perm;		   /* R read, W write, O owner only, 0 none */
	int (*pre)(struct req *r); /* before the body; may be NULL */
	int (*run)(struct req *r);
};

int route_find(struct req *r);

/* ---- xml.c ---- */

struct _xmlNode;
struct _xmlDoc;
void xml_begin(struct req *r, const char *root);
void xml_end(struct req *r, const char *root);
void xml_escape(struct buf *b, const char *s);
void xml_elem(struct buf *b, const char *name, const char *value); /* NULL: nothing */
void xml_int(struct buf *b, const char *name, int64_t value);
struct _xmlDoc *xml_parse(struct req *r, const char *root); /* NULL: error answered */
struct _xmlNode *xml_child(struct _xmlNode *n, const char *name);
struct _xmlNode *xml_next(struct _xmlNode *n, const char *name);
char *xml_text(struct _xmlNode *n, const char *name); /* returns new or NULL */
char *xml_content(struct _xmlNode *n);		      /* returns new */
int xml_bad(struct req *r);

/* ---- attrs.c, tags.c, acl.c, lock.c, sse.c: what an object carries ---- */

int attrs_from_headers(struct req *r, struct ver *v);
/* metadata is lines "name: value"; those below return new */
char *meta_get(const char *meta, const char *name); /* NULL without */
char *meta_set(const char *meta, const char *name, const char *value);
char *meta_take_over(const char *source, const char *own);
void attrs_answer(struct req *r, const struct ver *v, bool partial);
bool class_valid(const char *class);
bool archived(const struct ver *v);
int tags_from_header(struct req *r, char **ret_tags);
int tags_from_xml(struct req *r, int max, char **ret_tags);
void tags_to_xml(struct buf *b, const char *tags);
int tags_count(const char *tags);
int acl_from_headers(struct req *r, const char *owner, char **ret_acl);
int acl_from_xml(struct req *r, char **ret_acl);
void acl_to_xml(struct buf *b, const char *owner, const char *acl);
bool acl_gives_to_bucket(const struct req *r); /* the new object belongs to its owner */
bool acl_grants(const char *acl, const char *canonical, const char *perm);
int lock_from_headers(struct req *r, struct ver *v);
int lock_needs_digest(struct req *r, const char *what);
int lock_check_delete(struct req *r, const struct ver *v, bool *ret_denied);
int sse_from_headers(struct req *r, struct buf *meta);
int sse_check_read(struct req *r, const struct ver *v, bool copy);
int sse_check_part(struct req *r, const char *upload_meta);
void sse_answer(struct req *r, const char *meta);
bool sse_hides_md5(const char *meta);
char *sse_etag(const char *meta, const char *md5); /* returns new */
void canonical_id(const char *owner, char out[65]);
void xml_owner(struct buf *b, const char *element, const char *owner);

/* ---- cond.c ---- */

int cond_read(struct req *r, const struct ver *v, bool copy, bool *ret_not_modified);
int cond_write(struct req *r); /* needs db_lock */
bool vid_valid(const char *vid);
int find_version(struct req *r, const char *bucket, const char *key, const char *vid,
		 struct ver *ret); /* needs db_lock; answers errors */
void set_version_header(struct req *r, const struct bucket *b, const struct ver *v);

/* ---- data.c: bodies at rest ---- */

bool data_is_small(const char *file);
int data_put_small(const void *p, size_t n, char ret_file[33]);
int data_get_small(const char *file, struct buf *ret);
void data_unlink(const char *file); /* NULL is fine */

int data_link(const char *file, char ret_file[33]);
int data_md5(const char *file, int64_t off, int64_t len, char ret_hex[33]);
int data_append(int out, const char *file, int64_t off, int64_t len);
int data_create(char ret_file[33]); /* returns an fd */
int data_csum(const char *file, int64_t len, struct csum *c);

/* ---- log.c, fault.c ---- */

int log_open(const char *file);
void log_request(struct req *r);
void log_close(void);
int fault_admin(struct req *r);
void fault_match(struct req *r, bool early);
void fault_wait(struct req *r); /* latency and stall */
void fault_stop(void);

/* ---- minio.c ---- */

bool uuid_valid(const char *s);
void uuid_make(char out[37]);
int minio_version_id(struct req *r, struct ver *v);
int minio_mtime(struct req *r, struct ver *v); /* every new version gets its time here */
const char *minio_etag(const struct req *r);
void minio_status(const struct req *r, struct buf *meta);
int minio_check_duplicate(struct req *r, const struct ver *v);
bool minio_wants_marker(const struct req *r);

/* ---- settings.c: what a test changes while the server runs ---- */

enum lack {
	LACK_ACL = 1 << 0,
	LACK_CHECKSUM = 1 << 1,
	LACK_CLASSES = 1 << 2,
	LACK_CONDITIONAL = 1 << 3,
	LACK_ENCRYPTION = 1 << 4,
	LACK_LOCK = 1 << 5,
	LACK_MULTIPART = 1 << 6,
	LACK_PARTCOPY = 1 << 7,
	LACK_TAGGING = 1 << 8,
	LACK_VERSIONING = 1 << 9,
	LACK_FULL_OBJECT = 1 << 10,
};

int settings_without(const char *list); /* everywhere; before the start */
unsigned settings_lacks(const char *bucket);
int settings_check(struct req *r); /* answers 501 for what is lacking */
int settings_kms_key(const char *arn, const char *state);
int settings_kms_find(struct req *r, const char *name, char **ret_arn); /* returns new */
bool settings_is_expired(const char *id); /* an access key */
int settings_admin(struct req *r);
void settings_free(void);

/* ---- operations ---- */

struct copy_source {
	char *bucket, *key, *vid;
	struct bucket b;
	struct ver v;
};
int copy_source_find(struct req *r, struct copy_source *s); /* needs db_lock */
int copy_source_parse(struct req *r, struct copy_source *s);
void copy_source_free(struct copy_source *s);

#define OP(name) int op_##name(struct req *r);
OP(list_buckets)
OP(create_bucket)
OP(delete_bucket)
OP(head_bucket)
OP(get_location)
OP(get_versioning)
OP(put_versioning)
OP(get_conf)
OP(put_conf)
OP(delete_conf)
OP(put_replication)
OP(get_bucket_acl)
OP(put_bucket_acl)
OP(put_object_lock_conf)
OP(put_lifecycle)
OP(put_encryption)
OP(put_bucket_tagging)
OP(list_v1)
OP(list_v2)
OP(list_versions)
OP(list_uploads)
OP(list_parts)
OP(put_object_pre)
OP(put_object)
OP(delete_object)
OP(delete_objects)
OP(get_object)
OP(head_object)
OP(copy_object_pre)
OP(copy_object)
OP(get_attributes)
OP(get_tagging)
OP(put_tagging)
OP(delete_tagging)
OP(get_acl)
OP(put_acl)
OP(get_retention)
OP(put_retention)
OP(get_legal_hold)
OP(put_legal_hold)
OP(create_upload_pre)
OP(create_upload)
OP(upload_part_pre)
OP(upload_part)
OP(upload_part_copy)
OP(complete_upload)
OP(abort_upload)
#undef OP

#endif
