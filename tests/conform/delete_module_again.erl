%% erlang:delete_module/1 of a module that is known, with and without current and old code.
-module(delete_module_again).
-export([main/0]).
code(Text) ->
    {ok, T, _} = erl_scan:string(Text),
    {ok, M, B} = compile:forms(forms(T)), {M, B}.
forms([]) -> [];
forms(T) ->
    {L, [Dot | R]} = lists:splitwith(fun(X) -> element(1, X) =/= dot end, T),
    {ok, F} = erl_parse:parse_form(L ++ [Dot]), [F | forms(R)].
delete(M) -> try erlang:delete_module(M) catch error:E -> E end.
state(M) -> {erlang:module_loaded(M), lists:member(M, erlang:loaded()), erlang:check_old_code(M)}.
main() ->
    logger:set_primary_config(level, none),
    R = [run(code("-module(dmx). -export([f/1]). f(X) -> X. "), code("-module(dmx). -on_load(f/0). f() -> " ++ Result ++ ". ")) || Result <- ["ok", "fail", "fail"]],
    logger:set_primary_config(level, notice),
    [delete(dm_nobody) | R].
run({M, C1}, {M, C2}) ->
    {module, M} = code:load_binary(M, "", C1),
    Deleted = [delete(M), delete(M), state(M)],
    Loaded = code:load_binary(M, "", C2),
    Then = [state(M), code:soft_purge(M), delete(M), state(M), delete(M), code:soft_purge(M), delete(M), state(M)],
    code:purge(M), code:delete(M), code:purge(M),
    [Deleted, Loaded, Then].
