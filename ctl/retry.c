/* retry.c - crrctl retry: FAILED rows become ready, and the mount is told. */
#include <stdio.h>
#include <sys/stat.h>

#include "ctl/ctl.h"
#include "ctl/rules.h"

int ctl_retry(const struct ctl_opts *o)
{
	auto_free char *dir = NULL, *key = NULL, *mountpoint = NULL;
	auto_with(ctl_store_close) struct store *s = NULL;
	auto_with(doc_free_ptr) struct doc_node *answer = NULL;
	const char *path = o->n ? o->args[0] : NULL;
	struct stat st;
	uint64_t n = 0;
	int r = ctl_open(o, path, true, &dir, &s);

	if (r || ctl_rules_know_dest(s, o->dest))
		return CTL_FAILED;
	/* A folder stands for the whole mount; a file for itself. */
	if (path && !(stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
		r = ctl_key(o, s, path, &key);
	if (!r)
		r = store_retry(s, o->dest, key, &n);
	if (r) {
		ctl_say("the queue in %s cannot be written", dir);
		return CTL_FAILED;
	}
	printf("%llu to be sent again\n", (unsigned long long)n);
	if (n && ctl_ask(dir, "wake", &answer))
		puts("nothing is mounted: the next mount sends them");
	return CTL_OK;
}
