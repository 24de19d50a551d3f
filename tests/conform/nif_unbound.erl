%% A library that uses a function nobody has is refused when it is loaded, not when it calls it. (25 only)
-module(nif_unbound).
-export([main/0, f/0]).
-nifs([f/0]).

main() ->
    Dir = filename:join("/tmp", "nif_unbound." ++ os:getpid()),
    ok = filelib:ensure_dir(filename:join(Dir, "x")),
    Source = filename:join(Dir, "l.c"),
    ok = file:write_file(Source, source()),
    Include = filename:join([code:root_dir(), "usr", "include"]),
    "" = os:cmd("cc -shared -fPIC -I" ++ Include ++ " -o " ++ filename:join(Dir, "l.so") ++ " " ++ Source ++ " 2>&1"),
    {error, {What, Why}} = erlang:load_nif(filename:join(Dir, "l"), 0),
    os:cmd("rm -r " ++ Dir),
    {What, re:replace(Why, Dir, "DIR", [{return, list}]), catch f()}.

f() -> not_loaded.

source() ->
    "#include <erl_nif.h>\nextern int no_such_thing(int);\n"
    "static ERL_NIF_TERM f(ErlNifEnv* e, int argc, const ERL_NIF_TERM a[]) { return enif_make_int(e, no_such_thing(argc)); }\n"
    "static ErlNifFunc all[] = {{\"f\", 0, f}};\nERL_NIF_INIT(nif_unbound, all, NULL, NULL, NULL, NULL)\n".
