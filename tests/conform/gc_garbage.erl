%% Much garbage beside live data of every kind: what lives stays what it is.
-module(gc_garbage).
-export([main/0]).
main() ->
    Live = {lists:seq(1, 1000), maps:from_list([{I, {I, integer_to_list(I)}} || I <- lists:seq(1, 200)]), [binary:copy(<<I>>, 100) || I <- lists:seq(0, 50)], [fun(X) -> X + I end || I <- [1, 2, 3]], 1 bsl 500, 1.5, "str", make_ref(), self(), <<1:5>>}, H = erlang:phash2({element(1, Live), element(2, Live), element(3, Live), element(5, Live)}),
    put(kept, Live), R = churn(300, Live, 0), true = get(kept) =:= Live, garbage_collect(), erlang:garbage_collect(self(), [{type, minor}]), H2 = erlang:phash2({element(1, Live), element(2, Live), element(3, Live), element(5, Live)}),
    [R, H =:= H2, [F(10) || F <- element(4, Live)], get(kept) =:= Live, maps:get(77, element(2, Live)), lists:sum(element(1, Live)), element(10, Live)].
churn(0, _, S) -> S;
churn(N, Live, S) -> A = [{I, [I], #{I => I}, <<I:32>>} || I <- lists:seq(1, 500)], B = lists:foldl(fun({I, _, M, _}, Acc) -> Acc + I + map_size(M) end, 0, A), <<C, _/binary>> = iolist_to_binary([<<X/binary>> || {_, _, _, X} <- A]), churn(N - 1, Live, S + B + C + length(element(1, Live))).
