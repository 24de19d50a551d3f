%% A library of native functions that uses zlib without being linked with it, as packaged ones do. (25 only)
-module(nif_companion).
-export([main/0, sum/1]).
-nifs([sum/1]).

main() ->
    Dir = filename:join("/tmp", "nif_companion." ++ os:getpid()),
    ok = filelib:ensure_dir(filename:join(Dir, "x")),
    Source = filename:join(Dir, "l.c"),
    ok = file:write_file(Source, source()),
    Include = filename:join([code:root_dir(), "usr", "include"]),
    "" = os:cmd("cc -shared -fPIC -Wl,-z,now -I" ++ Include ++ " -o " ++ filename:join(Dir, "l.so") ++ " " ++ Source ++ " 2>&1"),
    Loaded = erlang:load_nif(filename:join(Dir, "l"), 0),
    os:cmd("rm -r " ++ Dir),
    {Loaded, catch sum(<<"some bytes">>), erlang:crc32(<<"some bytes">>)}.

sum(_) -> erlang:nif_error(not_loaded).

source() ->
    "#include <erl_nif.h>\nextern unsigned long crc32(unsigned long, const unsigned char*, unsigned);\n"
    "static ERL_NIF_TERM sum(ErlNifEnv* e, int argc, const ERL_NIF_TERM a[]) { ErlNifBinary b; if (!enif_inspect_binary(e, a[0], &b)) return enif_make_badarg(e);\n"
    "  return enif_make_ulong(e, crc32(0, b.data, b.size)); }\n"
    "static ErlNifFunc all[] = {{\"sum\", 1, sum}};\nERL_NIF_INIT(nif_companion, all, NULL, NULL, NULL, NULL)\n".
