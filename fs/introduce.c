/* introduce.c - see introduce.h; ctl/client.c reads what this writes. */
#include "fs/introduce.h"

#include <stdio.h>
#include <unistd.h>

#include "fs/config.h"

int introduce(const struct config *c, struct store *s)
{
	char pid[32], style[16];
	const char *const infos[][2] = {
		{ "mountpoint", c->mountpoint },
		{ "bucket", c->bucket },
		{ "prefix", c->prefix },
		{ "url", c->url },
		{ "region", c->region },
		{ "profile", c->profile },
		{ "passwd_file", c->passwd_file },
		{ "cacert", c->cacert },
		{ "destinations", c->destinations },
		{ "delete_markers", c->all_deletes ? "all" : "rules" },
		{ "path_style", style },
		{ "no_check_certificate", c->no_check_certificate ? "1" : "0" },
		{ "allow_http", c->allow_http ? "1" : "0" },
		{ "pid", pid },
	};
	int err = 0;

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	snprintf(style, sizeof(style), "%d", c->path_style);
	for (size_t i = 0; err == 0 && i < array_size(infos); i++)
		err = store_put_info(s, infos[i][0], infos[i][1] ? infos[i][1] : "");
	return err;
}
