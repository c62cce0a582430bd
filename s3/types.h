/* types.h - plain data shared by the files of s3/ and by those who call them. */
#ifndef S3_TYPES_H
#define S3_TYPES_H

#include "base/base.h"
#include "base/kv.h"

#define S3_KEY_MAX    1024	/* bytes; S3 User Guide, "Naming Amazon S3 objects" */
#define S3_SINGLE_MAX (5 * GIB) /* largest single PUT or CopyObject */

/* A half-open range of bytes. */
struct s3_range {
	uint64_t start;
	uint64_t end; /* exclusive */
};

/* Of some bytes. */
struct s3_crc32c {
	bool known;
	uint32_t value;
};

/* What HEAD, GET and the writing verbs say of one version. All strings owned; NULL = the server did
 * not say. */
struct s3_info {
	char *version_id; /* NULL: made without versioning (S3's "null"), or not told */
	/* without quotes, lower case hex when it is an MD5; NULL when absent or empty */
	char *etag;
	uint64_t size;
	int64_t mtime_ms; /* Last-Modified; 0 unknown */
	bool delete_marker;
	char *source_version; /* of a copy: what it was made of; NULL: not told */
	char *storage_class;  /* NULL = STANDARD */
	/* x-amz-replication-status: of a version that the server replicates */
	char *replication_status;
	char *sse;		 /* "AES256", "aws:kms", "aws:kms:dsse"; NULL = none, not told */
	char *sse_key;		 /* KMS key id or ARN; NULL = none, or not told */
	bool sse_customer;	 /* SSE-C: nobody can read it without the customer's key */
	char *lock_mode;	 /* "GOVERNANCE", "COMPLIANCE"; NULL = no retention, or not told */
	int64_t retain_until_ms; /* 0 = no retention, or not told */
	int legal_hold;		 /* 1 on, 0 off or not told */
	int tag_count;		 /* -1 unknown */
	int parts_count;	 /* x-amz-mp-parts-count; 0 unknown */
	struct kv meta;		 /* user metadata, names without x-amz-meta-, lower case */
	/* content-type, cache-control, content-disposition, content-encoding, content-language,
	 * expires, x-amz-website-redirect-location: header names in lower case */
	struct kv sys;
};

void s3_info_free(struct s3_info *i); /* empties it; all-zero is empty and valid */
int s3_info_copy(struct s3_info *dst, const struct s3_info *src) must_check;

/*
 * What MinIO lets its replicating clients say of a new version (minio-go, "SourceVersionID",
 * "SourceMTime"): other servers do not know these headers, and sign them all the same.
 */
struct s3_origin {
	const char *version_id; /* the version gets this id; must be a UUID there */
	int64_t mtime_ms;	/* and this Last-Modified; 0 = now */
	/* the source version's: it is this one's as well, and MinIO knows by it and the id that it
	 * has the version already; NULL */
	const char *etag;
};

/* What a new version shall carry. Borrowed by the verbs for the call. */
struct s3_put_opts {
	const struct kv *meta; /* NULL = none; names without x-amz-meta- */
	const struct kv *sys;  /* NULL = none; as in s3_info */
	const struct kv *tags; /* NULL = none */
	/* of a copy, tags NULL: the server takes those of the source along, whatever they are. For
	 * servers that do so: caps_copy_keeps_tags */
	bool keep_tags;
	const char *storage_class; /* NULL = the server's default */
	const char *acl;	   /* canned: x-amz-acl; NULL = the server's default */
	const char *sse;	   /* x-amz-server-side-encryption; NULL = the bucket's default */
	const char *sse_key;	   /* with "aws:kms": the key; NULL = the server's own */
	const char *lock_mode;	   /* with retain_until_ms; NULL = the bucket's default */
	int64_t retain_until_ms;
	bool legal_hold;		/* on */
	const char *owner;		/* x-amz-expected-bucket-owner; NULL = not checked */
	const struct s3_origin *origin; /* NULL = not a replica, or no MinIO */
	/* a name of meta whose value is unique to this write, so that an unclear answer can be
	 * settled; NULL = none */
	const char *token_name;
};

/* One line of a listing. Strings owned. */
struct s3_entry {
	char *key;	  /* decoded; a common prefix ends in '/' */
	char *version_id; /* ListObjectVersions only */
	char *etag;
	char *storage_class;
	uint64_t size;
	int64_t mtime_ms;
	bool is_prefix; /* a CommonPrefix */
	bool delete_marker;
	bool is_latest;
};

struct s3_page {
	/* in the server's order: keys and common prefixes merged by key */
	struct s3_entry *entries;
	size_t n;
	bool truncated;
	char *next_token;	       /* ListObjectsV2: continuation token */
	char *next_key, *next_version; /* ListObjectVersions: markers */
};

void s3_page_free(struct s3_page *p);

#endif
