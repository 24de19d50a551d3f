/* Native functions for nif_in_c.exs: a number, a binary, a resource with a destructor, and one that takes its time on a dirty scheduler. */
#include <erl_nif.h>
#include <string.h>

static ErlNifResourceType* counters;

typedef struct {
    ErlNifMutex* lock;
    long value;
    ErlNifPid owner;
} Counter;

static ERL_NIF_TERM gcd(ErlNifEnv* env, int argc, const ERL_NIF_TERM argv[])
{
    unsigned long a, b;
    if (!enif_get_ulong(env, argv[0], &a) || !enif_get_ulong(env, argv[1], &b))
        return enif_make_badarg(env);
    while (b != 0) {
        unsigned long rest = a % b;
        a = b;
        b = rest;
    }
    return enif_make_ulong(env, a);
}

static ERL_NIF_TERM reverse(ErlNifEnv* env, int argc, const ERL_NIF_TERM argv[])
{
    ErlNifBinary in;
    ERL_NIF_TERM out;
    unsigned char* bytes;
    if (!enif_inspect_iolist_as_binary(env, argv[0], &in))
        return enif_make_badarg(env);
    bytes = enif_make_new_binary(env, in.size, &out);
    for (size_t i = 0; i < in.size; i++)
        bytes[i] = in.data[in.size - 1 - i];
    return out;
}

static ERL_NIF_TERM counter_new(ErlNifEnv* env, int argc, const ERL_NIF_TERM argv[])
{
    Counter* counter = enif_alloc_resource(counters, sizeof(Counter));
    ERL_NIF_TERM term = enif_make_resource(env, counter);
    counter->lock = enif_mutex_create("counter");
    counter->value = 0;
    enif_self(env, &counter->owner);
    enif_release_resource(counter);
    return term;
}

static ERL_NIF_TERM counter_add(ErlNifEnv* env, int argc, const ERL_NIF_TERM argv[])
{
    Counter* counter;
    long by, value;
    if (!enif_get_resource(env, argv[0], counters, (void**)&counter) || !enif_get_long(env, argv[1], &by))
        return enif_make_badarg(env);
    enif_mutex_lock(counter->lock);
    value = counter->value += by;
    enif_mutex_unlock(counter->lock);
    return enif_make_long(env, value);
}

/* Tells the owner how far it got. */
static void counter_gone(ErlNifEnv* env, void* object)
{
    Counter* counter = object;
    ErlNifEnv* message = enif_alloc_env();
    enif_send(NULL, &counter->owner, message,
              enif_make_tuple2(message, enif_make_atom(message, "counter_gone"), enif_make_long(message, counter->value)));
    enif_free_env(message);
    enif_mutex_destroy(counter->lock);
}

static ERL_NIF_TERM primes(ErlNifEnv* env, int argc, const ERL_NIF_TERM argv[])
{
    int limit, count = 0;
    if (!enif_get_int(env, argv[0], &limit) || limit < 2)
        return enif_make_badarg(env);
    char* composite = enif_alloc(limit + 1);
    memset(composite, 0, limit + 1);
    for (long i = 2; i <= limit; i++) {
        if (composite[i])
            continue;
        count++;
        for (long j = i * i; j <= limit; j += i)
            composite[j] = 1;
    }
    enif_free(composite);
    return enif_make_int(env, count);
}

static int load(ErlNifEnv* env, void** data, ERL_NIF_TERM info)
{
    counters = enif_open_resource_type(env, NULL, "counter", counter_gone, ERL_NIF_RT_CREATE, NULL);
    return counters == NULL;
}

static ErlNifFunc functions[] = {
    {"gcd", 2, gcd},
    {"reverse", 1, reverse},
    {"counter_new", 0, counter_new},
    {"counter_add", 2, counter_add},
    {"primes", 1, primes, ERL_NIF_DIRTY_JOB_CPU_BOUND},
};

ERL_NIF_INIT(Elixir.Native, functions, load, NULL, NULL, NULL)
