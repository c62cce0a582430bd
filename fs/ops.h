/*
 * ops.h - what the kernel asks, answered: libfuse's low-level operations over nodes, attributes,
 * files, directories. Each op finds its nodes, makes one call, and replies exactly once. The
 * session's userdata is a struct fs *, which must outlive the session. Mount with
 * default_permissions: access is the kernel's business.
 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include "base/base.h"

struct fuse_lowlevel_ops;
struct fuse_session;

const struct fuse_lowlevel_ops *ops_table(void); /* static */
/* Of a session that is mounted and has answered nothing yet: 0 or -errno. */
int ops_attach(struct fuse_session *se) must_check;

#endif
