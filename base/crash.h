/*
 * crash.h - places where a test lets the process die, as by kill -9: each is named, once in the
 * tree, for what was just done. docs/durability.md says for each what recovery makes of it, and
 * tests/crash/ has a test of each; tests/lint/docs.sh holds them together.
 *
 * In builds with --enable-assertions, where CRRFS_CRASH is NAME (or NAME:N: the N-th time) in the
 * environment; in all others there is nothing.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef NDEBUG
#define crash_point(name) ((void)0)
#else
void crash_point(const char *name);
#endif

#endif
