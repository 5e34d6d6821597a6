/* The functions of glibc 2.38 and libstdc++ 13 that the addon of Jazzer.js needs, for older systems. */
#include <stdlib.h>

long __isoc23_strtol(const char *text, char **end, int base) { return strtol(text, end, base); }

unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }

/* Initializes streams. Libraries before version 13 do so without it. */
void _ZSt21ios_base_library_initv(void) {}
