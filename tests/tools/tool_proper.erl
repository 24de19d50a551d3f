%% PropEr: properties that hold, one that does not and its smallest counterexample, a state machine.
-module(tool_proper).
-export([main/0, initial_state/0, command/1, precondition/2, postcondition/3, next_state/3, put/2, get/1]).
main() ->
    case code:which(proper) of
        non_existing -> not_installed;
        _ -> tool_bench:quietly(fun run/0)
    end.
run() ->
    Quick = fun(P, O) -> proper:quickcheck(P, [{to_file, user}, quiet, long_result | O]) end,
    L = proper_types:list(proper_types:integer()),
    [Quick(proper:forall(L, fun(X) -> lists:reverse(lists:reverse(X)) =:= X end), [{numtests, 200}]),
     Quick(proper:forall(L, fun(X) -> lists:sort(X) =:= lists:usort(X) orelse length(X) < 0 end), [{numtests, 1000}]) =/= true,
     Quick(proper:forall(proper_types:integer(0, 1000), fun(X) -> X < 37 end), [{numtests, 1000}]),
     Quick(proper:forall(proper_types:binary(), fun(B) -> binary_to_term(term_to_binary(B)) =:= B end), []),
     Quick(proper:forall(proper_statem:commands(?MODULE), fun(C) -> {_, _, R} = proper_statem:run_commands(?MODULE, C), [erlang:erase(K) || K <- [1, 2, 3]], R =:= ok end), [{numtests, 100}])].
put(K, V) -> erlang:put(K, V), ok.
get(K) -> erlang:get(K).
initial_state() -> #{}.
command(_) -> proper_types:oneof([{call, ?MODULE, put, [proper_types:integer(1, 3), proper_types:integer()]}, {call, ?MODULE, get, [proper_types:integer(1, 3)]}]).
precondition(_, _) -> true.
next_state(S, _, {call, _, put, [K, V]}) -> S#{K => V};
next_state(S, _, _) -> S.
postcondition(S, {call, _, get, [K]}, R) -> R =:= maps:get(K, S, undefined);
postcondition(_, _, R) -> R =:= ok.
