/*
 * fuzz.h - what the fuzz targets share. Each target is one file with one LLVMFuzzerTestOneInput:
 * hostile bytes in, and whatever is wrong about the answer ends the program.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdio.h>
#include <string.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the code under test. */
#define FUZZ_MUST(expr)                                                                            \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #expr);        \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The first byte of an input chooses among n; the rest is the input. */
static inline unsigned fuzz_choose(const uint8_t **data, size_t *size, unsigned n)
{
	unsigned choice = *size ? **data % n : 0;

	if (*size) {
		(*data)++;
		(*size)--;
	}
	return choice;
}

/* The input as a string, which ends at its first NUL. Returns new. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif
