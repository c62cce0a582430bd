/* temp_name.c - the table of temporary names. See temp_name.h. */
#include "fs/temp_name.h"

#include <fnmatch.h>
#include <string.h>

#include "fs/path.h"

#define ONE   "[A-Za-z0-9]"
#define SIX   ONE ONE ONE ONE ONE ONE /* mkstemp(3) */
#define LOW   "[a-z0-9_]"
#define HEX   "[0-9A-Fa-f]"
#define EIGHT HEX HEX HEX HEX HEX HEX HEX HEX

/*
 * Where the names come from: the programs' sources and manuals, and what strace shows of them.
 * sqlite's NAME-journal and NAME-wal are not here: with them a database survives, so they are worth
 * as much as it is.
 */
static const char *const table[] = {
	".?*." SIX,			       /* rsync: the new file */
	".~tmp~",			       /* rsync --delay-updates: the folder */
	"sed" SIX,			       /* sed -i */
	"XX" SIX,			       /* perl -i */
	".?*.sw[a-z]",			       /* vim: swap */
	".?*.sw[a-z]x",			       /* vim: may a swap be there? */
	".sw[a-z]",			       /* vim: of a file without a name */
	"4913",				       /* vim: may a file be made here? */
	"?*~",				       /* backups of vim, emacs, nano, GLib */
	".#?*",				       /* emacs: lock; merge of cvs */
	"#?*#",				       /* emacs: auto-save */
	".goutputstream-" SIX,		       /* GLib: gedit, evince, file managers */
	".?*.kate-swp",			       /* Kate */
	".?*.un~",			       /* vim: undo */
	".~lock.?*#",			       /* LibreOffice: who has it open */
	"lu*.tmp",			       /* LibreOffice: the new file */
	"~$?*",				       /* Word, Excel, PowerPoint: who has it open */
	"~WR[A-Z]*.tmp",		       /* Word: the new file, the old one */
	EIGHT ".tmp",			       /* Office: the new file */
	"ppt" HEX "*.tmp",		       /* PowerPoint */
	"tmp" LOW LOW LOW LOW LOW LOW LOW LOW, /* Python's tempfile */
	"tmp." SIX ONE ONE ONE ONE,	       /* mktemp(1) */
	"?*.crdownload",		       /* Chromium */
	"?*.part",			       /* Firefox, wget2, yt-dlp */
	"?*.partial",			       /* Edge, rclone */
	"?*.download",			       /* Safari */
	"?*.aria2",			       /* aria2: which parts are there */
	"tmp_obj_" SIX,			       /* git: objects */
	"tmp_pack_" SIX,
	"tmp_idx_" SIX,
	"tmp_rev_" SIX,
	"tmp_mtimes_" SIX,
	"tmp_midx_" SIX,
	"tmp_bitmap_" SIX,
	".tmp-[0-9]*-pack-*", /* git repack */
	"tmp_graph_" SIX,
	".nfs" HEX HEX HEX HEX "*", /* removed while open, through NFS */
	".fuse_hidden*",
};

static bool matches(const char *pattern, const char *name)
{
	return !fnmatch(pattern, name, FNM_CASEFOLD) || !fnmatch(pattern, name, 0);
}

static bool is_in_list(const char *name, const char *list)
{
	char one[PATH_NAME_MAX + 1];

	for (size_t n; list && *list; list += n + (list[n] == ':')) {
		n = strcspn(list, ":");
		if (!n || n >= sizeof(one))
			continue;
		memcpy(one, list, n);
		one[n] = '\0';
		if (!fnmatch(one, name, 0))
			return true;
	}
	return false;
}

/* What git renames over NAME is NAME.lock; others keep files of that name (yarn.lock). With tXXXXXX
 * it tries whether there are symbolic links. */
static bool is_of_git(const char *key, const char *name)
{
	const char *in = strstr(key, ".git/");

	if (!in || in >= name)
		return false;
	return !fnmatch("?*.lock", name, 0) ||
	       (in + strlen(".git/") == name && !fnmatch("t" SIX, name, 0));
}

bool temp_name_is(const char *key, const char *more)
{
	const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;

	for (size_t i = 0; i < array_size(table); i++)
		if (matches(table[i], name))
			return true;
	return is_of_git(key, name) || is_in_list(name, more);
}
