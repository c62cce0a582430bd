/*
 * move.h - the keys of a directory get another prefix: copied by the server, then deleted under the
 * old one; page by page, several at once, journaled (queue/store_move.h). Knows nothing of open
 * files: rename_dir.c keeps them away meanwhile.
 */
#ifndef FS_MOVE_H
#define FS_MOVE_H

#include "fs/fs.h"
#include "queue/store_move.h"

/*
 * From one end to the other. 0: everything has the new name; else nothing has, and the error says
 * why. *ret_left: something is still to be deleted, here or there (logged): the row stays for
 * move_resume.
 */
int move_run(struct fs *fs, const char *from, const char *to, bool had_marker, bool *ret_left)
	must_check;
/* What an earlier one left. 0: it is done, and its row is gone. */
int move_resume(struct fs *fs, struct store_move *m) must_check;

#endif
