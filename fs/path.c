/* path.c - names and keys. See path.h. */
#include "fs/path.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/codec.h"
#include "s3/types.h"

bool path_is_name(const char *name, size_t len)
{
	if (!len || len > PATH_NAME_MAX || memchr(name, '/', len) || memchr(name, '\0', len))
		return false;
	return !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

bool path_is_dir_key(const char *key)
{
	size_t n = strlen(key);

	return !n || key[n - 1] == '/';
}

int path_child_key(const char *dir_key, const char *name, bool is_dir, char **ret_key)
{
	size_t len = strlen(name);

	if (len > PATH_NAME_MAX || strlen(dir_key) + len > S3_KEY_MAX - 1)
		return -ENAMETOOLONG;
	if (!path_is_name(name, len))
		return -EINVAL;
	if (!utf8_valid(name))
		/* S3 User Guide, "Naming Amazon S3 objects": keys are UTF-8 */
		return -EILSEQ;
	return str_format(ret_key, "%s%s%s", dir_key, name, is_dir ? "/" : "");
}

/* Length of key without the marker's slash. */
static size_t bare_length(const char *key)
{
	size_t n = strlen(key);

	return n && key[n - 1] == '/' ? n - 1 : n;
}

const char *path_last(const char *key, size_t *ret_len)
{
	size_t end = bare_length(key), start = end;

	while (start && key[start - 1] != '/')
		start--;
	*ret_len = end - start;
	return key + start;
}

int path_parent_key(const char *key, char **ret_key)
{
	size_t len;
	const char *last = path_last(key, &len);

	return str_format(ret_key, "%.*s", (int)(last - key), key);
}

static const struct {
	const char *ending, *type;
} types[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "avi", "video/x-msvideo" },
	{ "avif", "image/avif" },
	{ "bmp", "image/bmp" },
	{ "bz2", "application/x-bzip2" },
	{ "c", "text/x-c" },
	{ "css", "text/css" },
	{ "csv", "text/csv" },
	{ "doc", "application/msword" },
	{ "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ "eml", "message/rfc822" },
	{ "epub", "application/epub+zip" },
	{ "flac", "audio/flac" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "h", "text/x-c" },
	{ "htm", "text/html" },
	{ "html", "text/html" },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "ics", "text/calendar" },
	{ "jar", "application/java-archive" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript" },
	{ "json", "application/json" },
	{ "log", "text/plain" },
	{ "m4a", "audio/mp4" },
	{ "md", "text/markdown" },
	{ "mjs", "text/javascript" },
	{ "mkv", "video/x-matroska" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpeg", "video/mpeg" },
	{ "mpg", "video/mpeg" },
	{ "odp", "application/vnd.oasis.opendocument.presentation" },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet" },
	{ "odt", "application/vnd.oasis.opendocument.text" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "opus", "audio/opus" },
	{ "otf", "font/otf" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "ppt", "application/vnd.ms-powerpoint" },
	{ "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	{ "ps", "application/postscript" },
	{ "py", "text/x-python" },
	{ "rtf", "application/rtf" },
	{ "sh", "application/x-sh" },
	{ "svg", "image/svg+xml" },
	{ "tar", "application/x-tar" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "ttf", "font/ttf" },
	{ "txt", "text/plain" },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/wav" },
	{ "webm", "video/webm" },
	{ "webp", "image/webp" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xls", "application/vnd.ms-excel" },
	{ "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ "xml", "application/xml" },
	{ "xz", "application/x-xz" },
	{ "yaml", "application/yaml" },
	{ "yml", "application/yaml" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

const char *path_content_type(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot != name && i < array_size(types); i++)
		if (!strcasecmp(dot + 1, types[i].ending))
			return types[i].type;
	return "application/octet-stream";
}
