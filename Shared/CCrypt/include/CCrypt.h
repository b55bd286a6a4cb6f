// crypt(3) of libxcrypt: the password hashes other systems keep, bcrypt among them.
#ifndef CCRYPT_H
#define CCRYPT_H

#include <crypt.h>

#endif
