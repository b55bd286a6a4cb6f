// hiredis, the C client library of Redis: of it, the reader of replies.
#ifndef CREDIS_H
#define CREDIS_H

#include <hiredis/hiredis.h>

#endif
