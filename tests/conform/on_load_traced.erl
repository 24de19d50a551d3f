%% Loading a module with an on_load function ends the tracing of the code there is, even if the function refuses.
-module(on_load_traced).
-export([main/0]).
code(Text) ->
    {ok, T, _} = erl_scan:string(Text),
    {ok, M, B} = compile:forms(forms(T)), {M, B}.
forms([]) -> [];
forms(T) ->
    {L, [Dot | R]} = lists:splitwith(fun(X) -> element(1, X) =/= dot end, T),
    {ok, F} = erl_parse:parse_form(L ++ [Dot]), [F | forms(R)].
points() -> [lists:keydelete(call_memory, 1, element(2, erlang:trace_info({olt, F, A}, all))) || {F, A} <- [{a, 0}, {b, 1}], element(2, erlang:trace_info({olt, F, A}, all)) =/= false].
main() ->
    logger:set_primary_config(level, none),
    register(on_load_traced, self()),
    {M, C1} = code("-module(olt). -export([a/0, b/1]). -on_load(f/0). f() -> ok. a() -> 42. b(I) -> I + 1. "),
    {M, C2} = code("-module(olt). -export([never/0]). -on_load(f/0). f() -> on_load_traced ! {self(), loading}, receive go -> ok end, fail. never() -> never. "),
    R = [run(M, C1, C2, How) || How <- [[global], [local], [call_count]]],
    logger:set_primary_config(level, notice), R.
run(M, C1, C2, How) ->
    {module, M} = code:load_binary(M, "", C1),
    Set = erlang:trace_pattern({M, '_', '_'}, true, How),
    Traced = points(),
    Me = self(),
    spawn_link(fun() -> Me ! {loaded, code:load_binary(M, "", C2)} end),
    Loader = receive {P, loading} -> P end,
    During = points(),
    Loader ! go,
    Result = receive {loaded, X} -> X end,
    Now = points(),
    Again = erlang:trace_pattern({M, '_', '_'}, true, How),
    code:purge(M), code:delete(M), code:purge(M),
    {Set, Traced, During, Result, M, Now, Again}.
