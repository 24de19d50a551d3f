%% A library of native functions, compiled here by the machine's C compiler: terms, errors, resources, monitors, messages, other pools.
-module(nif_library).
-export([main/0, library/0]).
-export([add/2, shape/1, raise/1, dirty/1, again/1, hold/1, held/1, watch/2, text/1, tell/2, bytes/1, keys/1]).
-nifs([add/2, shape/1, raise/1, dirty/1, again/1, hold/1, held/1, watch/2, text/1, tell/2, bytes/1, keys/1]).

main() ->
    Dir = filename:join("/tmp", "nif_library." ++ os:getpid()),
    ok = filelib:ensure_dir(filename:join(Dir, "x")),
    Source = filename:join(Dir, "l.c"),
    ok = file:write_file(Source, source()),
    Include = filename:join([code:root_dir(), "usr", "include"]),
    persistent_term:put(?MODULE, filename:join(Dir, "l")),
    "" = os:cmd("cc -shared -fPIC -I" ++ Include ++ " -o " ++ filename:join(Dir, "l.so") ++ " " ++ Source ++ " 2>&1"),
    T = fun(Name, F) -> {Name, try F() catch C:R:S -> {C, R, hd(S)} end} end,
    A = [T("before", fun() -> element(2, catch add(1, 2)) =/= 3 end),
         T("missing", fun() -> element(1, element(2, erlang:load_nif("/nonexistent/l", 0))) end),
         T("load", fun() -> library() end),
         T("again", fun() -> library() end),
         T("apply", fun() -> element(2, apply(erlang, load_nif, ["/nonexistent/l", 0])) end),
         T("nifs", fun() -> lists:sort(?MODULE:module_info(nifs)) end),
         T("add", fun() -> [add(1, 2), ?MODULE:add(-3, 2), apply(?MODULE, add, [5, 6])] end),
         T("badarg", fun() -> add(a, 2) end),
         T("raise", fun() -> raise({some, "reason"}) end),
         T("shape", fun() -> shape({[1, 2.5], <<"bin">>, #{a => 1}}) end),
         T("dirty", fun() -> dirty([x]) end),
         T("again", fun() -> again({x, 1 bsl 70}) end),
         T("again raises", fun() -> again(oops) end)],
    R = hold(42),
    Pid = spawn(fun() -> receive stop -> ok end end),
    B = [T("resource", fun() -> {is_reference(R), held(R), held(hold(7))} end),
         T("no resource", fun() -> element(2, catch held(make_ref())) =/= 0 end),
         T("watch", fun() -> watch(R, Pid) end)],
    Pid ! stop,
    C = [T("down", fun() -> receive {down, Pid} -> ok after 5000 -> timeout end end),
         T("text", fun() -> text({a, "b", [1 | 2], 'C d', <<1, 2>>}) end),
         T("tell", fun() -> {tell(self(), {big, 1 bsl 100, "x"}), receive X -> X after 5000 -> timeout end} end),
         T("tell the dead", fun() -> tell(Pid, x) end),
         T("bytes", fun() -> bytes(["ab", <<"cd">>, [[$e]]]) end),
         T("part", fun() -> <<_:4, P:3/binary, _:12>> = <<1, 2, 3, 4, 5>>, bytes(P) end),
         T("no bytes", fun() -> bytes([256]) end),
         T("keys", fun() -> [lists:sort(keys(#{a => 1, b => 2})), length(keys(maps:from_list([{I, I} || I <- lists:seq(1, 100)])))] end)],
    os:cmd("rm -r " ++ Dir),
    [A, B, C].

library() ->
    erlang:load_nif(persistent_term:get(?MODULE), {info, 1}).

add(_, _) -> erlang:nif_error(not_loaded).
shape(_) -> erlang:nif_error(not_loaded).
raise(_) -> erlang:nif_error(not_loaded).
dirty(_) -> erlang:nif_error(not_loaded).
again(_) -> erlang:nif_error(not_loaded).
hold(_) -> erlang:nif_error(not_loaded).
held(_) -> erlang:nif_error(not_loaded).
watch(_, _) -> erlang:nif_error(not_loaded).
text(_) -> erlang:nif_error(not_loaded).
tell(_, _) -> erlang:nif_error(not_loaded).
bytes(_) -> erlang:nif_error(not_loaded).
keys(_) -> erlang:nif_error(not_loaded).

source() ->
    "#include <erl_nif.h>\n#include <string.h>\n"
    "#define F(n) static ERL_NIF_TERM n(ErlNifEnv* e, int argc, const ERL_NIF_TERM a[])\n"
    "static ErlNifResourceType* type; static ErlNifPid watcher;\n"
    "F(add) { int x, y; if (!enif_get_int(e, a[0], &x) || !enif_get_int(e, a[1], &y)) return enif_make_badarg(e); return enif_make_int(e, x + y); }\n"
    "F(raise) { return enif_raise_exception(e, a[0]); }\n"
    "F(shape) { const ERL_NIF_TERM* t; int n; ERL_NIF_TERM h, tail, l = enif_make_list(e, 0), m; ErlNifBinary b; double d; size_t s;\n"
    "  if (!enif_get_tuple(e, a[0], &n, &t) || n != 3) return enif_make_badarg(e);\n"
    "  enif_get_list_cell(e, t[0], &h, &tail); enif_get_list_cell(e, tail, &h, &tail); enif_get_double(e, h, &d);\n"
    "  enif_inspect_binary(e, t[1], &b); enif_get_map_size(e, t[2], &s);\n"
    "  enif_make_map_put(e, t[2], enif_make_atom(e, \"d\"), enif_make_double(e, d * 2), &m);\n"
    "  l = enif_make_list_cell(e, enif_make_uint64(e, 0xffffffffffffffffUL), l); l = enif_make_list_cell(e, enif_make_int64(e, -1L << 62), l);\n"
    "  return enif_make_tuple5(e, enif_make_int(e, (int)b.size), enif_make_ulong(e, s), m, l, enif_make_string(e, \"caf\\xe9\", ERL_NIF_LATIN1)); }\n"
    "F(dirty) { return enif_make_tuple2(e, enif_make_int(e, enif_thread_type()), a[0]); }\n"
    "F(step2) { ErlNifSInt64 n; if (enif_is_atom(e, a[1])) return enif_make_badarg(e); return enif_make_tuple2(e, a[1], a[0]); }\n"
    "F(step1) { ERL_NIF_TERM v[2]; v[0] = enif_make_int(e, enif_thread_type()); v[1] = a[0]; return enif_schedule_nif(e, \"step2\", 0, step2, 2, v); }\n"
    "F(again) { return enif_schedule_nif(e, \"step1\", ERL_NIF_DIRTY_JOB_IO_BOUND, step1, argc, a); }\n"
    "F(hold) { int n; int* p; ERL_NIF_TERM r; if (!enif_get_int(e, a[0], &n)) return enif_make_badarg(e);\n"
    "  p = enif_alloc_resource(type, sizeof(int)); *p = n; r = enif_make_resource(e, p); enif_release_resource(p); return r; }\n"
    "F(held) { void* p; if (!enif_get_resource(e, a[0], type, &p)) return enif_make_badarg(e); return enif_make_int(e, *(int*)p); }\n"
    "F(watch) { void* p; ErlNifPid pid; enif_self(e, &watcher); if (!enif_get_resource(e, a[0], type, &p) || !enif_get_local_pid(e, a[1], &pid)) return enif_make_badarg(e);\n"
    "  return enif_make_int(e, enif_monitor_process(e, p, &pid, NULL)); }\n"
    "static void down(ErlNifEnv* e, void* p, ErlNifPid* pid, ErlNifMonitor* m) { ErlNifEnv* own = enif_alloc_env();\n"
    "  enif_send(e, &watcher, own, enif_make_tuple2(own, enif_make_atom(own, \"down\"), enif_make_pid(own, pid))); enif_free_env(own); }\n"
    "F(text) { char s[200]; int n = enif_snprintf(s, sizeof s, \"<%T> %5d %s %.2f\", a[0], 42, \"str\", 1.5); return enif_make_tuple2(e, enif_make_int(e, n), enif_make_string(e, s, ERL_NIF_LATIN1)); }\n"
    "F(tell) { ErlNifPid to; ErlNifEnv* own = enif_alloc_env(); ERL_NIF_TERM m = enif_make_copy(own, a[1]); int ok;\n"
    "  enif_get_local_pid(e, a[0], &to); ok = enif_send(e, &to, own, m); enif_free_env(own); return enif_make_int(e, ok); }\n"
    "F(bytes) { ErlNifBinary b, c; if (!enif_inspect_iolist_as_binary(e, a[0], &b)) return enif_make_badarg(e);\n"
    "  enif_alloc_binary(b.size, &c); memcpy(c.data, b.data, b.size); enif_realloc_binary(&c, b.size * 2); memcpy(c.data + b.size, b.data, b.size); return enif_make_binary(e, &c); }\n"
    "F(keys) { ErlNifMapIterator i; ERL_NIF_TERM k, v, l = enif_make_list(e, 0); if (!enif_map_iterator_create(e, a[0], &i, ERL_NIF_MAP_ITERATOR_FIRST)) return enif_make_badarg(e);\n"
    "  while (enif_map_iterator_get_pair(e, &i, &k, &v)) { l = enif_make_list_cell(e, k, l); enif_map_iterator_next(e, &i); } enif_map_iterator_destroy(e, &i); return l; }\n"
    "static int load(ErlNifEnv* e, void** p, ERL_NIF_TERM info) { ErlNifResourceTypeInit i = {0}; i.down = down; (void)info;\n"
    "  type = enif_open_resource_type_x(e, \"held\", &i, ERL_NIF_RT_CREATE, NULL); return type == NULL; }\n"
    "static ErlNifFunc all[] = {{\"add\", 2, add}, {\"raise\", 1, raise}, {\"shape\", 1, shape}, {\"dirty\", 1, dirty, ERL_NIF_DIRTY_JOB_CPU_BOUND}, {\"again\", 1, again},\n"
    "  {\"hold\", 1, hold}, {\"held\", 1, held}, {\"watch\", 2, watch}, {\"text\", 1, text}, {\"tell\", 2, tell}, {\"bytes\", 1, bytes}, {\"keys\", 1, keys}};\n"
    "ERL_NIF_INIT(nif_library, all, load, NULL, NULL, NULL)\n".
