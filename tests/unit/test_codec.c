#include "base/codec.h"

#include <errno.h>

#include "tests/unit/check.h"

static void test_hex(void)
{
	uint8_t bytes[3] = { 1, 2, 3 };
	char text[7];

	hex_encode("\x00\xab\xff", 3, text);
	CHECK_STR(text, "00abff");
	CHECK_INT(hex_decode("00ABff", bytes, 3), 0);
	CHECK_MEM(bytes, "\x00\xab\xff", 3);
	CHECK_INT(hex_decode("00abf", bytes, 3), -EINVAL);
	CHECK_INT(hex_decode("00abff0", bytes, 3), -EINVAL);
	CHECK_INT(hex_decode("11abfg", bytes, 3), -EINVAL);
	CHECK_MEM(bytes, "\x00\xab\xff", 3);
	CHECK_INT(hex_decode("", bytes, 0), 0);
}

static void test_base64(void)
{
	/* RFC 4648, 10 */
	static const struct {
		const char *plain, *text;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" },
	};
	static const char *const bad[] = {
		"Z",	"Zg",	  "Zg=",  "Zh==", "Zm9=", "Zg==Zg==", "Z===",
		"====", "Zm9v\n", "Zm 9", "Zm9-", "=m9v", "Zm9v=",
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		auto_with(buf_free) struct buf text;
		auto_with(buf_free) struct buf plain;

		CHECK_CASE(cases[i].text);
		buf_init(&text, 100);
		buf_init(&plain, 100);
		CHECK_INT(base64_encode(cases[i].plain, strlen(cases[i].plain), &text), 0);
		CHECK_STR(buf_str(&text), cases[i].text);
		CHECK_INT(base64_decode(cases[i].text, &plain), 0);
		CHECK_STR(buf_str(&plain), cases[i].plain);
	}
	for (size_t i = 0; i < array_size(bad); i++) {
		auto_with(buf_free) struct buf b;

		CHECK_CASE(bad[i]);
		buf_init(&b, 100);
		buf_adds(&b, "kept");
		CHECK_INT(base64_decode(bad[i], &b), -EINVAL);
		CHECK_STR(buf_str(&b), "kept");
	}
	CHECK_CASE("");
}

static void test_uri(void)
{
	static const struct {
		const char *in;
		bool keep_slash;
		const char *want;
	} encode[] = {
		{ "", true, "" },
		{ "AZaz09-._~", true, "AZaz09-._~" },
		{ "a/b", true, "a/b" },
		{ "a/b", false, "a%2Fb" },
		{ "a b+c*", true, "a%20b%2Bc%2A" },
		{ "\xc3\xa9\x01", true, "%C3%A9%01" },
	};
	static const struct {
		const char *in;
		bool plus;
		int want;
		const char *out;
	} decode[] = {
		{ "", false, 0, "" },
		{ "a%20b+c", false, 0, "a b+c" },
		{ "a%20b+c", true, 0, "a b c" },
		{ "%c3%A9", false, 0, "\xc3\xa9" },
		{ "x%", false, -EINVAL, "" },
		{ "x%2", false, -EINVAL, "" },
		{ "x%2g", false, -EINVAL, "" },
		{ "x%00y", false, -EINVAL, "" },
		{ "x%-1", false, -EINVAL, "" },
	};
	struct buf b;

	buf_init(&b, 100);
	for (size_t i = 0; i < array_size(encode); i++) {
		CHECK_CASE(encode[i].in);
		buf_reset(&b);
		CHECK_INT(uri_encode(encode[i].in, encode[i].keep_slash, &b), 0);
		CHECK_STR(buf_str(&b), encode[i].want);
	}
	for (size_t i = 0; i < array_size(decode); i++) {
		CHECK_CASE(decode[i].in);
		buf_reset(&b);
		CHECK_INT(uri_decode(decode[i].in, strlen(decode[i].in), decode[i].plus, &b),
			  decode[i].want);
		CHECK_STR(buf_str(&b), decode[i].out);
	}
	CHECK_CASE("n ends inside an escape");
	buf_reset(&b);
	CHECK_INT(uri_decode("a%41", 3, false, &b), -EINVAL);
	CHECK_INT(uri_decode("a\0b", 3, false, &b), -EINVAL);
	CHECK_INT(uri_decode("%41", 3, false, &b), 0);
	CHECK_STR(buf_str(&b), "A");
	CHECK_CASE("");
	buf_free(&b);
}

static void test_numbers(void)
{
	static const struct {
		const char *in;
		int want_u;
		uint64_t u;
		int want_i;
		int64_t i;
	} cases[] = {
		{ "0", 0, 0, 0, 0 },
		{ "007", 0, 7, 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX, -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0, -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0, -ERANGE, 0 },
		{ "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
		{ "9223372036854775808", 0, (uint64_t)INT64_MAX + 1, -ERANGE, 0 },
		{ "-9223372036854775808", -EINVAL, 0, 0, INT64_MIN },
		{ "-9223372036854775809", -EINVAL, 0, -ERANGE, 0 },
		{ "-1", -EINVAL, 0, 0, -1 },
		{ "-0", -EINVAL, 0, 0, 0 },
		{ "+1", -EINVAL, 0, -EINVAL, 0 },
		{ "--1", -EINVAL, 0, -EINVAL, 0 },
		{ "", -EINVAL, 0, -EINVAL, 0 },
		{ "-", -EINVAL, 0, -EINVAL, 0 },
		{ " 1", -EINVAL, 0, -EINVAL, 0 },
		{ "1 ", -EINVAL, 0, -EINVAL, 0 },
		{ "0x10", -EINVAL, 0, -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0, -EINVAL, 0 },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		uint64_t u = 77;
		int64_t v = 77;

		CHECK_CASE(cases[i].in);
		CHECK_INT(parse_u64(cases[i].in, &u), cases[i].want_u);
		CHECK(u == (cases[i].want_u ? 77 : cases[i].u));
		CHECK_INT(parse_i64(cases[i].in, &v), cases[i].want_i);
		CHECK_INT(v, cases[i].want_i ? 77 : cases[i].i);
	}
	CHECK_CASE("");
}

static void test_sizes(void)
{
	static const struct {
		const char *in;
		int want;
		uint64_t v;
	} parse[] = {
		{ "10", 0, 10 },
		{ "64K", 0, 64 * KIB },
		{ "5MiB", 0, 5 * MIB },
		{ "2G", 0, 2 * GIB },
		{ "1T", 0, 1024 * GIB },
		{ "1k", 0, KIB },
		{ "0T", 0, 0 },
		{ "16777215T", 0, 1024 * GIB * 16777215 },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999K", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1B", -EINVAL, 0 },
		{ "1KB", -EINVAL, 0 },
		{ "1Ki", -EINVAL, 0 },
		{ "1 K", -EINVAL, 0 },
		{ "-1K", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "1KiBs", -EINVAL, 0 },
		{ "1X", -EINVAL, 0 },
	};
	static const struct {
		uint64_t v;
		const char *want;
	} format[] = {
		{ 0, "0 B" },		{ 1023, "1023 B" },	    { KIB, "1.0 KiB" },
		{ 1536, "1.5 KiB" },	{ MIB - 1, "1.0 MiB" },	    { MIB + MIB / 2, "1.5 MiB" },
		{ 5 * GIB, "5.0 GiB" }, { UINT64_MAX, "16.0 EiB" },
	};
	char text[32];

	for (size_t i = 0; i < array_size(parse); i++) {
		uint64_t v = 0;

		CHECK_CASE(parse[i].in);
		CHECK_INT(parse_size(parse[i].in, &v), parse[i].want);
		CHECK(v == parse[i].v);
	}
	for (size_t i = 0; i < array_size(format); i++) {
		CHECK_CASE(format[i].want);
		format_size(format[i].v, text, sizeof(text));
		CHECK_STR(text, format[i].want);
	}
	CHECK_CASE("");
}

static void test_bools(void)
{
	static const struct {
		const char *in;
		int want;
		bool v;
	} cases[] = {
		{ "yes", 0, true },	    { "true", 0, true },     { "1", 0, true },
		{ "on", 0, true },	    { "no", 0, false },	     { "false", 0, false },
		{ "0", 0, false },	    { "off", 0, false },     { "True", 0, true },
		{ "", -EINVAL, false },	    { "y", -EINVAL, false }, { "2", -EINVAL, false },
		{ "yes ", -EINVAL, false },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		bool v = !cases[i].v;

		CHECK_CASE(cases[i].in);
		CHECK_INT(parse_bool(cases[i].in, &v), cases[i].want);
		CHECK_INT(v, cases[i].want ? !cases[i].v : cases[i].v);
	}
	CHECK_CASE("");
}

static void test_random(void)
{
	char a[65], b[65];
	uint8_t bytes[32];

	CHECK_INT(random_hex(32, a), 0);
	CHECK_INT(random_hex(32, b), 0);
	CHECK_INT(hex_decode(a, bytes, 32), 0);
	CHECK(strcmp(a, b) != 0);
	CHECK_INT(random_hex(0, a), 0);
	CHECK_STR(a, "");
	CHECK_INT(random_hex(33, a), -EINVAL);
}

static void test_utf8(void)
{
	static const struct {
		const char *in;
		bool valid;
		size_t length;
	} cases[] = {
		{ "", true, 0 },
		{ "abc", true, 3 },
		{ "\xc3\xa9", true, 1 },
		{ "\xe2\x82\xac-", true, 2 },
		{ "\xf0\x9f\x98\x80", true, 1 },
		{ "\xf4\x8f\xbf\xbf", true, 1 },
		{ "\xed\x9f\xbf\xee\x80\x80", true, 2 },
		{ "\x80", false, 0 },
		{ "\xc0\xaf", false, 0 }, /* overlong */
		{ "\xc1\xbf", false, 0 },
		{ "\xe0\x9f\xbf", false, 0 },
		{ "\xf0\x8f\xbf\xbf", false, 0 },
		{ "\xed\xa0\x80", false, 0 },	  /* surrogate */
		{ "\xf4\x90\x80\x80", false, 0 }, /* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80", false, 0 },
		{ "\xff", false, 0 },
		{ "\xc3", false, 0 }, /* cut off */
		{ "\xe2\x82", false, 0 },
		{ "\xf0\x9f\x98", false, 0 },
		{ "\xe2\x28\xa1", false, 0 },
	};

	for (size_t i = 0; i < array_size(cases); i++) {
		CHECK_CASE(cases[i].in);
		CHECK_INT(utf8_valid(cases[i].in), cases[i].valid);
		if (cases[i].valid)
			CHECK_INT(utf8_length(cases[i].in), cases[i].length);
	}
	CHECK_CASE("");
}

static void test_printable(void)
{
	static const struct {
		const char *in;
		size_t n;
		const char *want;
	} cases[] = {
		{ "plain", 32, "plain" },
		{ "a\nb\tc\x7f", 32, "a\\x0ab\\x09c\\x7f" },
		{ "caf\xc3\xa9", 32, "caf\xc3\xa9" },
		{ "\xc2\x9b"
		  "31m",
		  32, "\\xc2\\x9b31m" },
		{ "\xff\xc3", 32, "\\xff\\xc3" },
		{ "123456", 4, "123" },
		{ "12\xc3\xa9", 4, "12" },
		{ "12\xc3\xa9", 5, "12\xc3\xa9" },
		{ "1\n", 5, "1" },
		{ "1\n", 6, "1\\x0a" },
		{ "x", 1, "" },
		{ NULL, 32, "(null)" },
	};
	char dst[32];

	for (size_t i = 0; i < array_size(cases); i++) {
		CHECK_CASE(cases[i].want);
		CHECK_STR(printable(cases[i].in, dst, cases[i].n), cases[i].want);
	}
	CHECK_STR(printable("x", dst, 0), "");
	CHECK_CASE("");
}

int main(void)
{
	test_hex();
	test_base64();
	test_uri();
	test_numbers();
	test_sizes();
	test_bools();
	test_random();
	test_utf8();
	test_printable();
	return check_done();
}
