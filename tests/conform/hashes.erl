%% phash2 and phash of all kinds of terms: tables on disk depend on these numbers.
-module(hashes).
-export([main/0]).
main() ->
    L = [0, 1, -1, 134217727, 134217728, -134217728, -134217729, 1 bsl 31, 1 bsl 32, 1 bsl 59, 1 bsl 60, 1 bsl 64, -(1 bsl 64), 1 bsl 200, -(1 bsl 200), 0.0, -0.0, 1.0, -1.5, 1.0e300, a, 'some longer atom', 'åäö', true, [], nil, {}, {a}, {1, 2, 3}, list_to_tuple(lists:seq(1, 100)), [a], [1, 2, 3], "a string", "another string that is quite a bit longer", [1 | 2], lists:seq(1, 1000), [300, 400], <<>>, <<1>>, <<"binary">>, binary:copy(<<"x">>, 1000), <<1:1>>, <<5:13>>, #{}, #{a => 1}, #{1 => a, "k" => #{}}, maps:from_list([{I, I} || I <- lists:seq(1, 100)]), {[#{x => [<<1>>, 2.0]}]}, fun lists:map/2],
    [[erlang:phash2(X) || X <- L], [erlang:phash2(X, 1000) || X <- L], [erlang:phash(X, 1 bsl 32) || X <- L], [erlang:phash(X, 17) || X <- L], erlang:phash2(x, 1), erlang:phash2(x, 1 bsl 32), (catch element(1, element(2, catch erlang:phash2(x, 0)))), erlang:phash2(L)].
