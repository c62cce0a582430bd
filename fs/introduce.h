/*
 * introduce.h - what a mount writes into its queue about itself, for crrctl: where it is, and where
 * and by whose credentials its bucket is reached. The places, never the secrets.
 */
#ifndef FS_INTRODUCE_H
#define FS_INTRODUCE_H

#include "queue/store.h"

struct config;

int introduce(const struct config *c, struct store *s) must_check;

#endif
