/* CRC-32, CRC-32C and CRC-64/NVME, all reflected, eight bytes at a time. */
#include "s3d.h"

#include <string.h>

static uint32_t table32[8][256], table32c[8][256];
static uint64_t table64[8][256];

static void make32(uint32_t t[8][256], uint32_t poly)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? (c >> 1) ^ poly : c >> 1;
		t[0][i] = c;
	}
	for (int s = 1; s < 8; s++)
		for (int i = 0; i < 256; i++)
			t[s][i] = (t[s - 1][i] >> 8) ^ t[0][t[s - 1][i] & 255];
}

void crc_init(void)
{
	make32(table32, 0xedb88320U);
	make32(table32c, 0x82f63b78U);
	for (uint64_t i = 0; i < 256; i++) {
		uint64_t c = i;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? (c >> 1) ^ 0x9a6c9329ac4bc9b5ULL : c >> 1;
		table64[0][i] = c;
	}
	for (int s = 1; s < 8; s++)
		for (int i = 0; i < 256; i++)
			table64[s][i] =
				(table64[s - 1][i] >> 8) ^ table64[0][table64[s - 1][i] & 255];
}

static uint32_t update32(uint32_t t[8][256], uint32_t crc, const uint8_t *p, size_t n)
{
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w;
		memcpy(&w, p, 8);
		w ^= crc;
		crc = 0;
		for (int i = 0; i < 8; i++)
			crc ^= t[7 - i][(w >> (8 * i)) & 255];
	}
	for (; n; n--, p++)
		crc = (crc >> 8) ^ t[0][(crc ^ *p) & 255];
	return ~crc;
}

uint32_t crc32_update(uint32_t crc, const uint8_t *p, size_t n)
{
	return update32(table32, crc, p, n);
}

uint32_t crc32c_update(uint32_t crc, const uint8_t *p, size_t n)
{
	return update32(table32c, crc, p, n);
}

uint64_t crc64nvme_update(uint64_t crc, const uint8_t *p, size_t n)
{
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w;
		memcpy(&w, p, 8);
		w ^= crc;
		crc = 0;
		for (int i = 0; i < 8; i++)
			crc ^= table64[7 - i][(w >> (8 * i)) & 255];
	}
	for (; n; n--, p++)
		crc = (crc >> 8) ^ table64[0][(crc ^ *p) & 255];
	return ~crc;
}
