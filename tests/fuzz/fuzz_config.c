/* fuzz_config.c - options, the bucket's name, destinations.conf and the files of credentials: what
 * is refused is refused with words. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/config.h"
#include "queue/dest_i.h"
#include "s3/cred_i.h"
#include "tests/fuzz/fuzz.h"

static char words[400];

static void check_refused(int err)
{
	FUZZ_MUST(err == 0 || err == -ENOMEM || *words);
	for (const char *p = words; *p; p++)
		FUZZ_MUST((unsigned char)*p >= ' ');
}

static void check_options(const char *text, bool source)
{
	struct config c;

	config_init(&c);
	*words = '\0';
	check_refused(source ? config_read_source(&c, text, words, sizeof(words))
			     : config_read_options(&c, text, words, sizeof(words)));
	config_free(&c);
}

static void check_destinations(const char *text)
{
	struct destconf c = { 0 };
	int err;

	*words = '\0';
	err = destconf_parse("destinations.conf", text, &c, words, sizeof(words));
	check_refused(err);
	if (!err)
		destconf_free(&c);
}

static void check_credentials(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct cred_box *box = NULL;
	auto_free char *region = NULL;
	const struct why w = { words, sizeof(words) };
	char path[64];

	/* what others may read is refused unread */
	if (fd < 0 || fchmod(fd, 0600) || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!cred_profile_read(path, path, "default", &w, &box))
		FUZZ_MUST(*box->pub.key_id && *box->pub.secret);
	free(box);
	box = NULL;
	if (!cred_passwd_read(path, "bucket", &w, &box))
		FUZZ_MUST(*box->pub.key_id && *box->pub.secret);
	free(box);
	(void)!cred_region_read(path, "default", true, &region);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice = fuzz_choose(&data, &size, 4);
	auto_free char *text = fuzz_text(data, size);

	switch (choice) {
	case 0: check_options(text, false); break;
	case 1: check_options(text, true); break;
	case 2: check_destinations(text); break;
	default: check_credentials(data, size); break;
	}
	return 0;
}
