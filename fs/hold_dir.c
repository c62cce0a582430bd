/*
 * hold_dir.c - when a new directory, which is held like a new file (hold.c), is complete. Who fills
 * one sets its mode, owner and times last: so its marker waits while something below it is being
 * made, written or changed.
 */
#include "base/clock.h"
#include "fs/file_i.h"

#define FILL_MAX 600 /* periods that it waits at most */

void file_names_changed(struct fs *fs, struct node *dir)
{
	struct file *f = file_peek(fs, dir);

	if (!f)
		return;
	f->locked.active_ms = clock_mono_ms();
	file_put(f);
}

struct activity {
	struct fs *fs;
	int64_t last_ms; /* mono */
};

static bool waits(enum file_state s)
{
	return s == FILE_HELD || s == FILE_SETTLING;
}

static int note_activity(void *arg, struct node *n)
{
	struct activity *a = arg;
	struct file *f = file_peek(a->fs, n);

	if (!f)
		return 0;
	lock_take(&f->locked.l);
	if (f->locked.writers || (f->locked.state != FILE_CLEAN && !waits(f->locked.state)))
		a->last_ms = clock_mono_ms();
	else if (f->locked.state != FILE_CLEAN)
		a->last_ms = max_of(a->last_ms, f->locked.active_ms);
	lock_drop(&f->locked.l);
	file_put(f);
	return 0;
}

bool file_is_being_filled_busy(struct file *f)
{
	struct activity a = { f->fs, f->locked.active_ms };
	int64_t period = f->fs->conf.settle_ms, until;

	if (f->locked.state != FILE_HELD || !node_is_dir(f->node) ||
	    node_each_file(f->fs->nodes, f->node, false, note_activity, &a))
		return false;
	until = min_of(a.last_ms + period, f->locked.held_since + FILL_MAX * period);
	if (until <= clock_mono_ms())
		return false;
	f->locked.hold_until = until;
	return true;
}
