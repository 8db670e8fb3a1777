// The reference implementation of Argon2, as the system packages it.
#include <argon2.h>
