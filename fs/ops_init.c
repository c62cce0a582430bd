/* ops_init.c - what is agreed with the kernel at the start of a mount. */
#include "fs/ops_i.h"

#include <linux/fuse.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/loop.h"
#include "fs/ops.h"

void ops_init(void *userdata, struct fuse_conn_info *conn)
{
	static const unsigned want = FUSE_CAP_ASYNC_READ | FUSE_CAP_ATOMIC_O_TRUNC |
				     FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
				     FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_SPLICE_READ;
	struct fs *fs = userdata;

	conn->want |= want & conn->capable;
	/* With a write-back cache the kernel would decide on sizes and times, and ask to read what
	 * was opened for writing only. Which pages the kernel may keep is said at each open, by the
	 * content: with AUTO_INVAL_DATA it would drop what it has just written, by its time. */
	conn->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_AUTO_INVAL_DATA |
				  FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
				  FUSE_CAP_DONT_MASK | FUSE_CAP_POSIX_ACL);
	conn->max_write = (unsigned)LOOP_WRITE_BYTES;
	conn->max_readahead = (unsigned)LOOP_WRITE_BYTES;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	conn->time_gran = 1;
	atomic_store(&fs->greeting, conn->capable & FUSE_CAP_PARALLEL_DIROPS);
}

/*
 * libfuse before 3.17 forgets to pass FUSE_PARALLEL_DIROPS on (libfuse pull request 861): then a
 * name that is asked for waits for all others of its directory, and cannot be killed. Nor does it
 * know FUSE_HANDLE_KILLPRIV_V2 (ops_unset_id). A kernel that does not know a flag takes no notice.
 * The answer to the kernel's first request is the first answer of all; what is told unasked has no
 * number.
 */
static void complete_greeting(struct fs *fs, const struct iovec *iov, int count)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	struct fuse_init_out *init;

	if (!h->unique || !atomic_exchange(&fs->greeting, false) || h->error || count != 2 ||
	    iov[1].iov_len < offsetof(struct fuse_init_out, flags) + sizeof(init->flags))
		return;
	init = iov[1].iov_base;
	init->flags |= FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2;
}

static ssize_t answer(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fs *fs = userdata;

	if (atomic_load_explicit(&fs->greeting, memory_order_relaxed))
		complete_greeting(fs, iov, count);
	return writev(fd, iov, count);
}

/* loop.c takes the requests; libfuse wants both. */
static ssize_t take(int fd, void *dst, size_t n, void *userdata)
{
	(void)userdata;
	return read(fd, dst, n);
}

int ops_attach(struct fuse_session *se)
{
	const struct fuse_custom_io io = { .writev = answer, .read = take };

	return fuse_session_custom_io(se, &io, fuse_session_fd(se));
}
