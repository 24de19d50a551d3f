%% Two versions of a module: who uses the old one, soft and hard purges, funs of purged code.
-module(code_purge).
-export([main/0]).

version(N) ->
    Forms = [form(L) || L <- ["-module(code_purge_m).", "-export([f/0, loop/0, make/0]).", "f() -> " ++ integer_to_list(N) ++ ".",
                              "loop() -> receive stop -> ok end, f().", "make() -> X = f(), fun() -> {X, code_purge_m:f()} end."]],
    {ok, code_purge_m, Beam} = compile:forms(Forms),
    {module, code_purge_m} = code:load_binary(code_purge_m, "code_purge_m.erl", Beam).
form(Line) ->
    {ok, Tokens, _} = erl_scan:string(Line),
    {ok, Form} = erl_parse:parse_form(Tokens),
    Form.
caught(F) ->
    try F() catch Class:Reason -> {Class, if is_tuple(Reason) -> element(1, Reason); true -> Reason end} end.

main() ->
    M = code_purge_m,
    version(1),
    P = spawn(fun() -> M:loop() end),
    F = M:make(),
    timer:sleep(50),
    version(2),
    A = [M:f(), F(), erlang:check_old_code(M), erlang:check_process_code(P, M), erlang:check_process_code(self(), M)],
    B = [code:soft_purge(M), F(), is_process_alive(P), erlang:check_old_code(M)],
    C = [code:purge(M), is_process_alive(P), caught(F), erlang:check_old_code(M), M:f()],
    D = [code:delete(M), erlang:check_old_code(M), caught(fun() -> erts_internal:purge_module(M, prepare) end)],
    E = [code:soft_purge(M), code:purge(M), code:is_loaded(M), erlang:module_loaded(M)],
    version(3),
    {A, B, C, D, E, M:f(), F =:= F}.
