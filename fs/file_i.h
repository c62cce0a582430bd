/* file_i.h - an open object as file.c, write.c, commit.c, hold.c, file_meta.c and rename.c share
 * it. */
#ifndef FS_FILE_I_H
#define FS_FILE_I_H

#include <stdatomic.h>

#include "base/lock.h"
#include "fs/file.h"
#include "fs/gate.h"
#include "fs/spool.h"
#include "queue/job.h"
#include "s3/upload.h"

/*
 *  state      meaning                     body          ticket  error   leaves to
 *  clean      what the source has         base          none    0       dirty, settling, dead
 *  dirty      changed; nobody was         spool + base  maybe   0       committing, held, dead
 *             promised anything
 *  held       acknowledged: the spool is  spool         held    0       dirty (write), dead,
 *             synced, its ticket written                                committing (time is up)
 *  settling   the body is the source's,   base          held    0       dirty (write), dead,
 *             the metadata in now are                                   committing (time is up,
 *             ahead and acknowledged: their                             fsync), clean (renamed)
 *             ticket is written
 *  committing on its way to the source    spool + base  yes     0       clean, held or settling
 *                                                                       (again), failed, dead
 *  failed     the last commit failed      spool + base  maybe   sticky  committing (next flush),
 *                                                                       dirty (write), held (last
 *                                                                       release), dead (torn, and
 *                                                                       nobody writes)
 *  dead       removed while open, or torn any           none    any     (freed with the last
 *             and given up                                              reference)
 *
 * A file that became dirty while it was settling keeps its ticket, which promises the metadata
 * alone (held_meta). A directory's file has no spool: it is held from when it is made until its
 * object, the marker, is in the source, then clean, settling, committing or dead.
 *
 * `busy` is the mark of the one long operation: whoever has it may use the fields below "busy's"
 * without the lock, and everybody who changes the file waits for it. Reads do not wait.
 */
enum file_state {
	FILE_CLEAN,
	FILE_DIRTY,
	FILE_HELD,
	FILE_SETTLING,
	FILE_COMMITTING,
	FILE_FAILED,
	FILE_DEAD
};

#define FILE_EARLY_MAX 16

/* Where the bytes of a version-to-be come from: our own ranges over those of the version it was
 * opened on. Refcounted: uploads keep it. */
struct body {
	struct fs *fs; /* fixed */
	atomic_uint refs;
	struct spool *spool;	       /* fixed; NULL: the base alone */
	char *key, *version_id, *etag; /* fixed; of the base; key NULL: there is none */
	_Atomic uint64_t base_size;    /* how much of the base still shows */
	uint64_t full_size;	       /* fixed; of the base in S3 */
	atomic_bool failed;	       /* a read of it has: the kernel's pages are not all of it */
	atomic_bool seen;	       /* somebody has read of the base */
};

/* takes spool */
int body_new(struct fs *fs, struct spool *spool, const char *key, const struct attr *base,
	     struct body **ret_b) must_check;
struct body *body_ref(struct body *b);
void body_unref(struct body *b); /* NULL is fine */
int body_read(struct body *b, struct read_pos *pos, void *dst, size_t n, uint64_t off) must_check;
/* Is every byte of [0, size) in the spool? */
bool body_is_local(struct body *b, uint64_t size);
struct upload_src body_upload_src(struct body *b);
/* What the body has of the version it was opened on: borrows all but own, which is the caller's to
 * free. -ENOENT: nothing worth telling. */
int body_base(struct body *b, struct job_base *ret_base) must_check;

struct file {
	struct fs *fs;		  /* fixed */
	struct node *node;	  /* fixed; referenced */
	struct file *prev, *next; /* the table's lock */
	unsigned refs;		  /* the table's lock */
	bool due_taken;		  /* the table's lock: a task of the settle thread has it */
	uint64_t round;		  /* the table's lock: of file_commit_held that had it */
	struct {
		struct lock l;
		struct cond changed;
		/* changed under the lock; hold.c peeks for what is due */
		_Atomic(enum file_state) state;
		bool busy;
		int error; /* failed: why */
		unsigned handles, writers;
		/* counts how often another writer's version took the place of one that was open */
		unsigned replaced;
		struct handle *open; /* all of them, through their next */
		/* size and metadata as they are or will be; has_object: the source has a version of
		 * it */
		struct attr now;
		struct body *body;     /* never NULL */
		struct timespec mtime; /* of the last write, when mtime_set */
		bool mtime_set;
		/* something was written since it was created or emptied by open */
		bool has_data;
		bool given_up;	     /* a close has said that it is torn: its bytes are gone */
		bool deferred;	     /* a flush was put off to the release, */
		int64_t deferred_ms; /* then (mono) */
		/* made private (0600): its metadata is about to change, see commit.c */
		bool late_meta;
		/* what is promised by a ticket (held, settling) keeps one reference of its own */
		bool held_ref;
		bool held_meta; /* metadata are, not the spool */
		/* the staged file that the ticket names, written to no more: the spool has another
		 * one, which is not acknowledged. NULL: the ticket names the spool's, or none */
		char *promised;
		int64_t held_since;  /* mono ms */
		int64_t hold_period; /* how long it may stay, ms */
		uint64_t held_bytes; /* counted in the table's */
		/* by a program that sets attributes after the close: flush.c */
		bool late_attrs;
		_Atomic int64_t hold_until; /* mono ms */
		/* mono ms: when what is held was changed last; of a directory: or a name in it */
		_Atomic int64_t active_ms;
		uint64_t changes; /* counts writes and truncates */
		/* busy's: */
		/* by mknod(2), and not saved since: may be held, whatever its name */
		bool made;
		struct ticket *ticket;
		struct upload *upload;
		struct repl_early early[FILE_EARLY_MAX];
		size_t early_n;
		struct meta_rec sent; /* what the upload carries */
		bool unclear;	      /* the source may have a version by our ticket's token, */
		/* with the bytes as they were after so many changes */
		uint64_t unclear_changes;
	} locked;
};

struct handle {
	struct handle *next; /* of the same file; its lock */
	struct file *file;   /* referenced */
	int flags;
	bool writes;
	bool kept;	   /* see file_kept */
	bool has_read;	   /* something of the content before so many replaced; */
	unsigned replaced; /* the file's lock */
	bool deferred;	   /* a flush was put off to the release; the file's busy */
	int64_t opener;	   /* process; -1 unknown */
	struct read_pos pos;
};

/* Makes dirty what a new file, busy and clean, is to be. */
typedef int file_stage_fn(struct file *f, void *arg);
/* A new name that no program has open: held, or where that cannot be, in the source. -EEXIST:
 * something waits here under it. */
int file_make(struct fs *fs, uint64_t parent, const char *name, bool is_dir, file_stage_fn *stage,
	      void *arg) must_check;

struct file_table {
	struct lock l;
	struct cond changed;
	struct file *first;
	uint64_t rounds;	       /* of file_commit_held */
	_Atomic uint64_t held_bytes;   /* of what was acknowledged at DURABILITY_STAGED */
	_Atomic bool copies_encrypted; /* the source can: seen of a version made here */
	struct gate gate;
	int64_t moves_ms; /* mono: when what renames left is tried again; CLOCK_NEVER */
};

/* file.c */
/* finds or makes; made ones know nothing yet */
int file_get(struct fs *fs, struct node *n, struct file **ret_f) must_check;
/* finds only; NULL */
struct file *file_peek(struct fs *fs, struct node *n);
void file_put(struct file *f);
/* a clean file: what the source has now. Busy. */
int file_refresh(struct file *f, bool want_rec) must_check;
void file_busy_begin(struct file *f);
void file_busy_end(struct file *f);
void file_busy_begin_locked(struct file *f);
void file_busy_end_locked(struct file *f);
void file_set_state_locked(struct file *f, enum file_state to);
int file_make_dirty_locked(struct file *f) must_check;
int file_truncate_locked(struct file *f, uint64_t size) must_check;
/* What could not be written is behind the end of it: to cut it there makes it whole again. */
bool file_is_torn(const struct file *f);
/* No object may be so large: said before a byte of it is taken, and not when hours of it have been
 * sent. -EFBIG. */
int file_refuse_size(const struct file *f, uint64_t size) must_check;
/* `now` is read under the lock by anybody: who has the mark changes a copy (with the pending mtime
 * in it) and puts that in its place. */
int file_now_copy_locked(struct file *f, struct attr *ret_a) must_check;
int file_now_copy(struct file *f, struct attr *ret_a) must_check;
void file_now_set(struct file *f, struct attr *a);  /* takes what is in a; a is empty after */
void file_body_set(struct file *f, struct body *b); /* takes b */

/* commit.c: busy's */
int file_save_busy(struct file *f) must_check; /* hold or commit what is pending */
int file_commit_busy(struct file *f) must_check;
void file_early_locked(struct file *f, uint64_t off, uint64_t end);
void file_drop_uploads(struct file *f);
void file_kill_busy(struct file *f);
/* now, with our ticket's mark: what the next version carries. */
int file_marked_now(struct file *f, struct attr *ret_a) must_check;
/* Another ticket where the version that may stand by this one is not the one to be made now. */
int file_renew_ticket_busy(struct file *f, const char *key) must_check;

/* hold.c: busy's */
/* Of a save of what it is now. */
enum durability file_durability_busy(struct file *f);
bool file_may_hold_busy(struct file *f);
/* Acknowledges what is staged: synced, and written down. Again when key or metadata of a held file
 * changed. */
int file_hold_busy(struct file *f) must_check;
/* dirty, failed -> held: what was acknowledged before could not be replaced as it was meant. What
 * is whole is promised in its place, and what is torn is dropped for it; tried again later. */
int file_hold_again_busy(struct file *f) must_check;
bool file_may_settle_busy(struct file *f);
/* clean, settling -> settling: acknowledges the metadata in now for the version that the source
 * has. Fails: as it was. */
int file_settle_busy(struct file *f) must_check;
/* committing: they become a version, and the file clean. -ESTALE: clean, too, since somebody else
 * replaced the version that they were for. */
int file_settle_steps(struct file *f, const char *key) must_check;
/* settling -> clean: a version has them already; takes what is in now. */
void file_settled_busy(struct file *f, struct attr *now);
/* Writes under the file's ticket what an older one promises. */
int file_promise_busy(struct file *f, const char *key) must_check;
/* hold_dir.c: due, but a new directory in and below which something was done a moment ago: the
 * deadline moves on. */
bool file_is_being_filled_busy(struct file *f);
/* held, settling, after a failure: tried again later. */
void file_hold_later(struct file *f);
void file_drop_held_ref(struct file *f);
/* Nobody needs what was acknowledged before what is in the spool. */
void file_drop_promised(struct file *f);

/* flush.c */
/* A version whose replicas the level of its save says to wait for; key NULL: none. */
struct awaited {
	char *key, *version;
};
void file_awaited_busy(struct file *f, struct awaited *ret_a); /* clean, settling: its version */
/* Not busy: others may go on meanwhile. Consumes a. */
int file_await(struct fs *fs, struct awaited *a) must_check;
int64_t file_process_of(pid_t tid); /* -1 when it cannot be known */

#endif
