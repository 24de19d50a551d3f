/* The functions with variable arguments of the native interface: each collects its arguments and calls a function of the crate. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long term;
typedef struct env env;

term enif_make_tuple_from_array(env *, const term *, unsigned);
term enif_make_list_from_array(env *, const term *, unsigned);
/* The text of a term, to be freed by `ferrobeam_nif_free_text`. */
char *ferrobeam_nif_text(term, size_t *length);
void ferrobeam_nif_free_text(char *, size_t length);
int ferrobeam_nif_set_option(env *, int option, void *callback);

static term collect(env *e, unsigned count, va_list args, term (*make)(env *, const term *, unsigned))
{
    term few[16] = {0}, *all = few, result;
    unsigned i;
    if (count > 16 && !(all = malloc(count * sizeof(term))))
        abort();
    for (i = 0; i < count; i++)
        all[i] = va_arg(args, term);
    result = make(e, all, count);
    if (all != few)
        free(all);
    return result;
}

term enif_make_tuple(env *e, unsigned count, ...)
{
    va_list args;
    term result;
    va_start(args, count);
    result = collect(e, count, args, enif_make_tuple_from_array);
    va_end(args);
    return result;
}

term enif_make_list(env *e, unsigned count, ...)
{
    va_list args;
    term result;
    va_start(args, count);
    result = collect(e, count, args, enif_make_list_from_array);
    va_end(args);
    return result;
}

int enif_set_option(env *e, int option, ...)
{
    va_list args;
    void *callback = NULL;
    int result;
    va_start(args, option);
    if (option == 2 || option == 3)
        callback = va_arg(args, void *);
    result = ferrobeam_nif_set_option(e, option, callback);
    va_end(args);
    return result;
}

/* Where formatted text goes: a buffer of a fixed size, or a file. */
struct out { char *buffer; size_t size; FILE *file; size_t length; int failed; };

static void put(struct out *o, const char *text, size_t n)
{
    if (o->file) {
        if (fwrite(text, 1, n, o->file) != n)
            o->failed = 1;
    } else if (o->length < o->size) {
        size_t room = o->size - o->length;
        memcpy(o->buffer + o->length, text, n < room ? n : room);
    }
    o->length += n;
}

/* One conversion by the C library's own snprintf; `spec` is its text, `stars` its widths given as arguments. */
#define CONVERT(value)                                                                        \
    do {                                                                                      \
        char room_[256], *made_ = room_;                                                           \
        int n;                                                                                \
        size_t have = sizeof room_;                                                             \
        for (;;) {                                                                            \
            n = stars == 0 ? snprintf(made_, have, spec, value)                                \
              : stars == 1 ? snprintf(made_, have, spec, star[0], value)                       \
                           : snprintf(made_, have, spec, star[0], star[1], value);             \
            if (n < 0 || (size_t)n < have || made_ != room_)                                     \
                break;                                                                        \
            have = (size_t)n + 1;                                                             \
            if (!(made_ = malloc(have)))                                                       \
                abort();                                                                      \
        }                                                                                     \
        if (n > 0)                                                                            \
            put(o, made_, (size_t)n);                                                          \
        if (made_ != room_)                                                                      \
            free(made_);                                                                       \
    } while (0)

static void format(struct out *o, const char *f, va_list args)
{
    while (*f) {
        char spec[64];
        const char *start = f;
        size_t n;
        int stars = 0, star[2] = {0, 0}, size = 0;
        if (*f != '%') {
            while (*f && *f != '%')
                f++;
            put(o, start, (size_t)(f - start));
            continue;
        }
        f++;
        while (*f && strchr("-+ #0'", *f))
            f++;
        while ((*f >= '0' && *f <= '9') || *f == '.' || *f == '*') {
            if (*f == '*' && stars < 2)
                star[stars++] = va_arg(args, int);
            f++;
        }
        for (; *f && strchr("hljztLq", *f); f++)
            size = *f == 'l' || *f == 'q' ? size + 1 : *f == 'h' ? size : *f;
        n = (size_t)(f - start) + 1;
        if (!*f || n >= sizeof spec) {
            put(o, start, (size_t)(f - start));
            continue;
        }
        memcpy(spec, start, n);
        spec[n] = 0;
        switch (*f++) {
        case '%':
            put(o, "%", 1);
            break;
        case 'T': {
            size_t length;
            char *text = ferrobeam_nif_text(va_arg(args, term), &length);
            spec[n - 1] = 's';
            CONVERT(text);
            ferrobeam_nif_free_text(text, length);
            break;
        }
        case 'c':
            {
                int v = va_arg(args, int);
                CONVERT(v);
            }
            break;
        case 's':
            {
                const char *text = va_arg(args, const char *);
                CONVERT(text);
            }
            break;
        case 'p':
            {
                void *p = va_arg(args, void *);
                CONVERT(p);
            }
            break;
        case 'n':
            (void)va_arg(args, void *);
            break;
        case 'd': case 'i': case 'o': case 'u': case 'x': case 'X':
            if (size == 0) {
                int v = va_arg(args, int);
                CONVERT(v);
            } else {
                /* long, long long, size_t, intmax_t and ptrdiff_t are all one word */
                long v = va_arg(args, long);
                CONVERT(v);
            }
            break;
        case 'e': case 'E': case 'f': case 'F': case 'g': case 'G': case 'a': case 'A':
            if (size == 'L') {
                long double v = va_arg(args, long double);
                CONVERT(v);
            } else {
                double v = va_arg(args, double);
                CONVERT(v);
            }
            break;
        default:
            put(o, spec, n);
        }
    }
}

int enif_vfprintf(FILE *file, const char *f, va_list args)
{
    struct out o = {NULL, 0, file, 0, 0};
    va_list copy;
    va_copy(copy, args);
    format(&o, f, copy);
    va_end(copy);
    return o.failed ? -1 : (int)o.length;
}

int enif_vsnprintf(char *buffer, size_t size, const char *f, va_list args)
{
    struct out o = {buffer, size ? size - 1 : 0, NULL, 0, 0};
    va_list copy;
    va_copy(copy, args);
    format(&o, f, copy);
    va_end(copy);
    if (size)
        buffer[o.length < size ? o.length : size - 1] = 0;
    return (int)o.length;
}

int enif_fprintf(FILE *file, const char *f, ...)
{
    va_list args;
    int result;
    va_start(args, f);
    result = enif_vfprintf(file, f, args);
    va_end(args);
    return result;
}

int enif_snprintf(char *buffer, size_t size, const char *f, ...)
{
    va_list args;
    int result;
    va_start(args, f);
    result = enif_vsnprintf(buffer, size, f, args);
    va_end(args);
    return result;
}
