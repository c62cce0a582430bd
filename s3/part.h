/*
 * part.h - pure: part number <-> byte range. Sizes step up with the part number so that 10,000
 * parts reach 5 TiB: 500 x 5 MiB, 500 x 25 MiB, 500 x 125 MiB, 8,500 x 625 MiB. Source: S3 User
 * Guide, "Multipart upload limits".
 */
#ifndef S3_PART_H
#define S3_PART_H

#include "s3/types.h"

#define PART_COUNT_MAX 10000u
#define PART_SIZE_MIN  (5 * MIB)

uint64_t part_size(unsigned n);		/* n from 1 */
struct s3_range part_range(unsigned n); /* of the full part */
unsigned part_of(uint64_t off);		/* the part that holds the byte at off */
/* parts of an object of size bytes; 1 for 0 */
unsigned part_count(uint64_t size);
/* The range of part n in an object of size bytes (the last one is short). */
struct s3_range part_range_in(unsigned n, uint64_t size);
#define PART_OBJECT_MAX (5 * 1024 * GIB)

#endif
