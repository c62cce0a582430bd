/* sweep_sql.c - what may fail in libraries: SQLite's functions, the disk under it, memory inside. */
#include "tests/sweep/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxml/xmlmemory.h>
#include <sqlite3.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
int __real_open(const char *path, int flags, ...);
ssize_t __real_pread(int fd, void *dst, size_t n, off_t off);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t off);
int __real_ftruncate(int fd, off_t size);

/* What the libraries are given instead of malloc. */
static void *library_malloc(size_t n)
{
	return sweep_fails(SWEEP_LIBRARY, "a library's malloc") ? NULL : __real_malloc(n);
}

static void *library_realloc(void *p, size_t n)
{
	return sweep_fails(SWEEP_LIBRARY, "a library's realloc") ? NULL : __real_realloc(p, n);
}

static char *library_strdup(const char *s)
{
	return sweep_fails(SWEEP_LIBRARY, "a library's strdup") ? NULL : __real_strdup(s);
}

int __real_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs);
int __real_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int n, sqlite3_stmt **ret_s,
			      const char **ret_tail);
int __real_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags,
			      sqlite3_stmt **ret_s, const char **ret_tail);
int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **),
			void *arg, char **ret_why);
int __real_sqlite3_step(sqlite3_stmt *s);

int __wrap_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs);
int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int n, sqlite3_stmt **ret_s,
			      const char **ret_tail);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags,
			      sqlite3_stmt **ret_s, const char **ret_tail);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **),
			void *arg, char **ret_why);
int __wrap_sqlite3_step(sqlite3_stmt *s);

static int sql_code(void)
{
	static const int codes[] = { SQLITE_IOERR, SQLITE_FULL, SQLITE_BUSY, SQLITE_NOMEM };

	return codes[sweep_shared()->how & 3];
}

int __wrap_sqlite3_open_v2(const char *path, sqlite3 **ret_db, int flags, const char *vfs)
{
	if (!sweep_fails(SWEEP_SQL, "sqlite3_open_v2"))
		return __real_sqlite3_open_v2(path, ret_db, flags, vfs);
	/* A handle all the same, as SQLite has it, but when there is no memory for it. */
	if (sql_code() == SQLITE_NOMEM)
		*ret_db = NULL;
	else if (__real_sqlite3_open_v2(path, ret_db, flags, vfs) != SQLITE_OK)
		abort();
	return sql_code();
}

int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int n, sqlite3_stmt **ret_s,
			      const char **ret_tail)
{
	if (!sweep_fails(SWEEP_SQL, sql))
		return __real_sqlite3_prepare_v2(db, sql, n, ret_s, ret_tail);
	*ret_s = NULL;
	return sql_code();
}

int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags,
			      sqlite3_stmt **ret_s, const char **ret_tail)
{
	if (!sweep_fails(SWEEP_SQL, sql))
		return __real_sqlite3_prepare_v3(db, sql, n, flags, ret_s, ret_tail);
	*ret_s = NULL;
	return sql_code();
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*fn)(void *, int, char **, char **),
			void *arg, char **ret_why)
{
	/* A rollback fails only when there is nothing to roll back. */
	if (strncmp(sql, "ROLLBACK", 8) != 0 && sweep_fails(SWEEP_SQL, sql))
		return sql_code();
	return __real_sqlite3_exec(db, sql, fn, arg, ret_why);
}

int __wrap_sqlite3_step(sqlite3_stmt *s)
{
	return sweep_fails(SWEEP_SQL, sqlite3_sql(s)) ? sql_code() : __real_sqlite3_step(s);
}

/* Under SQLite. */
static ssize_t disk_pwrite(int fd, const void *p, size_t n, off_t off)
{
	return sweep_no_file(SWEEP_DISK, "SQLite's pwrite", true) ? -1 : __real_pwrite(fd, p, n, off);
}

static ssize_t disk_pread(int fd, void *dst, size_t n, off_t off)
{
	return sweep_no_file(SWEEP_DISK, "SQLite's pread", false) ? -1 : __real_pread(fd, dst, n, off);
}

static int disk_ftruncate(int fd, off_t size)
{
	return sweep_no_file(SWEEP_DISK, "SQLite's ftruncate", true) ? -1 : __real_ftruncate(fd, size);
}

static int disk_open(const char *path, int flags, int mode)
{
	if (sweep_no_file(SWEEP_DISK, "SQLite's open", flags & O_CREAT))
		return -1;
	return __real_open(path, flags, mode);
}

/* SQLite wants to know how large a block is: that stands before it. */
#define BLOCK_HEAD 16

static int library_size(void *p)
{
	return p ? *(int *)(void *)((char *)p - BLOCK_HEAD) : 0;
}

static int library_round(int n)
{
	return (n + 7) & ~7;
}

static int library_start(void *arg)
{
	(void)arg;
	return SQLITE_OK;
}

static void library_end(void *arg)
{
	(void)arg;
}

static void *sized(char *block, int n)
{
	if (!block)
		return NULL;
	*(int *)(void *)block = n;
	return block + BLOCK_HEAD;
}

static void *sqlite_malloc(int n)
{
	return sized(library_malloc((size_t)n + BLOCK_HEAD), n);
}

static void *sqlite_realloc(void *p, int n)
{
	return sized(library_realloc((char *)p - BLOCK_HEAD, (size_t)n + BLOCK_HEAD), n);
}

static void sqlite_free(void *p)
{
	free((char *)p - BLOCK_HEAD);
}

static void take_sqlite(void)
{
	static const sqlite3_mem_methods methods = { sqlite_malloc, sqlite_free,  sqlite_realloc,
						     library_size,  library_round, library_start,
						     library_end,   NULL };
	static const struct {
		const char *name;
		sqlite3_syscall_ptr fn;
	} calls[] = {
		{ "open", (sqlite3_syscall_ptr)disk_open },
		{ "pread", (sqlite3_syscall_ptr)disk_pread },
		{ "pread64", (sqlite3_syscall_ptr)disk_pread },
		{ "pwrite", (sqlite3_syscall_ptr)disk_pwrite },
		{ "pwrite64", (sqlite3_syscall_ptr)disk_pwrite },
		{ "ftruncate", (sqlite3_syscall_ptr)disk_ftruncate },
	};
	sqlite3_vfs *vfs;

	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
		abort();
	vfs = sqlite3_vfs_find(NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (vfs->xSetSystemCall(vfs, calls[i].name, calls[i].fn) != SQLITE_OK &&
		    !strstr(calls[i].name, "64"))
			abort();
}

void sweep_take_libraries(void)
{
	take_sqlite();
	xmlMemSetup(free, library_malloc, library_realloc, library_strdup);
}
