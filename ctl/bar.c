/* bar.c - a progress bar on a terminal, redrawn in place. */
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "ctl/ctl.h"

#define WIDTH 30

void ctl_bar(FILE *to, uint64_t most, uint64_t left, uint64_t bytes)
{
	char size[32], bar[WIDTH + 1];
	size_t done = most ? (size_t)((most - min_of(left, most)) * WIDTH / most) : WIDTH;

	memset(bar, ' ', WIDTH);
	memset(bar, '=', done);
	bar[WIDTH] = '\0';
	format_size(bytes, size, sizeof(size));
	fprintf(to, "\r[%s] %llu left, %s \033[K", bar, (unsigned long long)left, size);
}
