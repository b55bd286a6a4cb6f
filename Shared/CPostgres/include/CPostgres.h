// libpq, the C client library of PostgreSQL. Debian keeps its headers in a folder of their own, others do not.
#ifndef CPOSTGRES_H
#define CPOSTGRES_H

#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif

#endif
