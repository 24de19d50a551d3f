%% Literals of purged code and of erased persistent terms: who has them keeps them, in a heap of its own.
-module(literals_freed).
-export([main/0]).

main() ->
    [persistent(), code(), messages()].

persistent() ->
    Self = self(),
    Key = {?MODULE, key},
    persistent_term:put(Key, {term, [<<0:8000>>], lists:seq(1, 50)}),
    T = persistent_term:get(Key),
    Have = fun() ->
                   X = persistent_term:get(Key),
                   Self ! {self(), has},
                   receive check -> Self ! {self(), X =:= {term, [<<0:8000>>], lists:seq(1, 50)}, wait(X, 100)} end
           end,
    Ps = [spawn_link(Have) || _ <- lists:seq(1, 20)],
    [receive {P, has} -> ok end || P <- Ps],
    Before = erts_debug:size_shared(T),
    true = persistent_term:erase(Key),
    [P ! check || P <- Ps],
    {Before, lists:usort([receive {P, Same, Own} -> {Same, Own} end || P <- Ps]), wait(T, 100)}.

%% Is the term in this process's own heap, sooner or later?
wait(_, 0) -> false;
wait(T, N) ->
    case erts_debug:size_shared(T) of
        0 -> timer:sleep(20), wait(T, N - 1);
        _ -> true
    end.

module(N) ->
    Forms = [{attribute, 1, module, literals_freed_m}, {attribute, 1, export, [{f, 0}]},
             {function, 1, f, 0, [{clause, 1, [], [], [erl_parse:abstract(value(N))]}]}],
    {ok, M, B} = compile:forms(Forms),
    {module, M} = code:load_binary(M, "m.erl", B),
    M.

value(N) -> {N, [list_to_binary(lists:duplicate(100, N)), "abc", #{a => {b, N}}]}.

code() ->
    L = [begin
             M = module(N), X = M:f(),
             P = spawn(fun() -> receive {From, ask} -> From ! {self(), X} end end),
             code:purge(M), {P, X, N}
         end || N <- lists:seq(1, 30)],
    code:delete(literals_freed_m), code:purge(literals_freed_m),
    lists:usort([begin P ! {self(), ask}, X =:= value(N) andalso value(N) =:= receive {P, Y} -> Y end end || {P, X, N} <- L]).

%% In mailboxes, dictionaries, tables, timers and exits.
messages() ->
    M = module(77), X = M:f(), Self = self(),
    put(x, [X]), Self ! {queued, X}, Tab = ets:new(t, []), ets:insert(Tab, {1, X}),
    erlang:send_after(300, Self, {late, X}),
    {P, R} = spawn_monitor(fun() -> receive go -> exit({bye, X}) end end),
    code:purge(M), code:delete(M),
    P ! go,
    Down = receive {'DOWN', R, _, _, Why} -> Why end,
    code:purge(M), timer:sleep(50),
    V = value(77),
    {get(x) =:= [V], receive {queued, Y} -> Y =:= V end, ets:lookup(Tab, 1) =:= [{1, V}], receive {late, Z} -> Z =:= V end,
     Down =:= {bye, V}}.
