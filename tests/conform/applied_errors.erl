%% Who is shown at the top of a trace when an error was applied in a tail call: the function that applied it, whatever runs it.
-module(applied_errors).
-export([main/0, third/2, fun_only/2, by_name/3, by_call/1, known/3, known/2, with/3]).

main() ->
    Ways = [
        fun() -> with(fun third/2, {erlang, error}, [function_clause, [4]]) end,
        fun() -> with(fun fun_only/2, fun erlang:error/2, [function_clause, [4]]) end,
        fun() -> by_name(erlang, error, [why, [1, 2]]) end,
        fun() -> by_name(erlang, error, [why]) end,
        fun() -> by_name(erlang, exit, [why]) end,
        fun() -> by_name(erlang, atom_to_list, [5]) end,
        fun() -> by_call([1, 2]) end,
        fun() -> third({erlang, error}, [why, [3]]) end,
        fun() -> third({erlang, apply}, [erlang, error, [why, [3]]]) end,
        fun() -> third({erlang, apply}, [fun erlang:error/2, [why, [3]]]) end,
        fun() -> known(erlang, error, why) end,
        fun() -> known(erlang, atom_to_list, 5) end,
        fun() -> known(fun erlang:error/2, why) end,
        fun() -> third({lists, reverse}, [3]) end
    ],
    % Often enough that it is machine code in the end, and that slices end everywhere.
    [lists:usort([top(Way) || _ <- lists:seq(1, 3000)]) || Way <- Ways].

top(Way) ->
    try Way()
    catch
        C:R:Trace ->
            [{M, F, A, _} | _] = Trace,
            {C, R, {M, F, A}}
    end.

with(F, What, Args) when is_function(F, 2) -> F(What, Args).
third({M, F}, As) -> apply(M, F, As).
fun_only(F, As) -> apply(F, As).
by_name(M, F, As) -> erlang:apply(M, F, As).
known(M, F, Why) -> M:F(Why, [Why]).
known(F, Why) -> F(Why, [Why]).
by_call(As) -> erlang:error(called, As).
