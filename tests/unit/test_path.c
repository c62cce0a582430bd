#include "fs/path.h"
#include "fs/temp_name.h"

#include <errno.h>

#include "tests/unit/check.h"

static void test_names(void)
{
	char longest[PATH_NAME_MAX + 2];

	memset(longest, 'n', sizeof(longest));
	CHECK(path_is_name("a", 1));
	CHECK(path_is_name("...", 3));
	CHECK(path_is_name(".a", 2));
	CHECK(path_is_name("a\nb", 3));
	CHECK(path_is_name(longest, PATH_NAME_MAX));
	CHECK(!path_is_name(longest, PATH_NAME_MAX + 1));
	CHECK(!path_is_name("", 0));
	CHECK(!path_is_name(".", 1));
	CHECK(!path_is_name("..", 2));
	CHECK(!path_is_name("a/b", 3));
	CHECK(!path_is_name("a\0b", 3));
}

static void test_child(void)
{
	auto_free char *a = NULL, *b = NULL, *c = NULL;
	char name[PATH_NAME_MAX + 2], dir[1025];

	CHECK_INT(path_child_key("", "f", false, &a), 0);
	CHECK_STR(a, "f");
	CHECK_INT(path_child_key("a/b/", "d", true, &b), 0);
	CHECK_STR(b, "a/b/d/");
	memset(name, 'n', sizeof(name));
	name[PATH_NAME_MAX + 1] = '\0';
	CHECK_INT(path_child_key("", name, false, &c), -ENAMETOOLONG);
	name[PATH_NAME_MAX] = '\0';
	CHECK_INT(path_child_key("", name, false, &c), 0);
	memset(dir, 'd', sizeof(dir));
	dir[1022] = '/';
	dir[1023] = '\0';
	free(take_ptr(&c));
	/* no room for the marker's slash */
	CHECK_INT(path_child_key(dir, "x", false, &c), -ENAMETOOLONG);
	CHECK_INT(path_child_key(dir + 1, "x", true, &c), 0);
	CHECK_INT(strlen(c), 1024);
	CHECK_INT(path_child_key("", "\xff", false, &b), -EILSEQ);
	CHECK_INT(path_child_key("", "..", false, &b), -EINVAL);
}

static void test_parts(void)
{
	static const struct {
		const char *key, *last, *parent;
	} rows[] = {
		{ "f", "f", "" },      { "d/", "d", "" },  { "a/b/f", "f", "a/b/" },
		{ "a/b/", "b", "a/" }, { "", "", "" },	   { "a//", "", "a/" },
		{ "/", "", "" },       { "/f", "f", "/" },
	};

	for (size_t i = 0; i < array_size(rows); i++) {
		auto_free char *parent = NULL, *last = NULL;
		size_t len = 99;
		const char *p = path_last(rows[i].key, &len);

		CHECK_CASE(rows[i].key);
		CHECK_INT(str_format(&last, "%.*s", (int)len, p), 0);
		CHECK_STR(last, rows[i].last);
		CHECK_INT(path_parent_key(rows[i].key, &parent), 0);
		CHECK_STR(parent, rows[i].parent);
	}
	CHECK_CASE("");
}

static void test_temporary(void)
{
	static const char *const yes[] = {
		".report.pdf.Ab12Z9",
		"sedAbCd12",
		".notes.txt.swp",
		".notes.txt.swo",
		"4913",
		"notes.txt~",
		".goutputstream-AB12CD",
		".~lock.sheet.ods#",
		"film.mkv.crdownload",
		"film.mkv.part",
		"tmp_obj_a1B2c3",
		"d/.git/index.lock",
		".git/refs/heads/x.lock",
		"bare.git/packed-refs.lock",
		"d/e/4913",
		"d/.git/triPxwf",
		"lu12ab.tmp",
		"XXdDtAfz",
		"~$report.docx",
		"~WRD0001.tmp",
		"~WRL0001.TMP",
		"1A2B3C4D.tmp",
		".#notes.txt",
		"#notes.txt#",
		"tmp_pack_AbC123",
		".tmp-4711-pack-0123.pack",
		"tmpab12_x9z",
		"tmp.AbCdEf1234",
		"film.partial",
	};
	static const char *const no[] = {
		"report.pdf",
		".bashrc",
		"sed",
		"4914",
		"~",
		"part",
		"partial",
		"yarn.lock",
		"d/Cargo.lock",
		"x.git/a.lock/f",
		"4913/f",
		".AbCd12",
		".a.AbCd1",
		".a.AbCd123",
		"tmp_obj_",
		"",
		"a.swp",
		"archive.tar.gz",
		"20260131",
		"a.tmp",
		"tmp",
		"my.db-journal",
		"my.db-wal",
	};

	for (size_t i = 0; i < array_size(yes); i++) {
		CHECK_CASE(yes[i]);
		CHECK(temp_name_is(yes[i], NULL));
	}
	for (size_t i = 0; i < array_size(no); i++) {
		CHECK_CASE(no[i]);
		CHECK(!temp_name_is(no[i], NULL));
	}
	CHECK(temp_name_is("a.new", "*.old::*.new"));
	CHECK(temp_name_is("b.old", "*.old::*.new"));
	CHECK(!temp_name_is("*.old::*.new", "x"));
	CHECK(!temp_name_is("a.newer", "*.old::*.new"));
	CHECK_CASE("");
}

static void test_content_type(void)
{
	CHECK_STR(path_content_type("a.txt"), "text/plain");
	CHECK_STR(path_content_type("A.JPG"), "image/jpeg");
	CHECK_STR(path_content_type("a.tar.gz"), "application/gzip");
	CHECK_STR(path_content_type("README"), "application/octet-stream");
	CHECK_STR(path_content_type(".txt"), "application/octet-stream");
	CHECK_STR(path_content_type("a."), "application/octet-stream");
}

int main(void)
{
	test_names();
	test_child();
	test_parts();
	test_temporary();
	test_content_type();
	return check_done();
}
