%% Module zstd (28 and later): frames, streams, parameters, dictionaries, errors.
-module(zstd_streams).
-export([main/0]).
main() -> case erlang:system_info(otp_release) >= "28" of false -> older; true -> newer() end.
z(F, A) -> try apply(zstd, F, A) catch error:{badarg, {W, _}} -> {badarg, W}; C:E -> {C, E} end.
b(X) -> iolist_to_binary(X).
newer() ->
    D = b([["hello world ", integer_to_list(I rem 17)] || I <- lists:seq(1, 3000)]),
    C = b(z(compress, [D])), Big = binary:copy(D, 100),
    {ok, X} = z(context, [compress]), {ok, Y} = z(context, [decompress, #{windowLogMax => 20}]),
    Keys = [compressionLevel, windowLog, strategy, checksumFlag, targetCBlockSize, nbWorkers, foo],
    Before = [z(get_parameter, [X, K]) || K <- Keys],
    Set = [z(set_parameter, [X, K, V]) || {K, V} <- [{compressionLevel, 22}, {compressionLevel, 50}, {compressionLevel, a}, {compressionLevel, 1 bsl 40}, {windowLog, 20}, {windowLog, 1}, {strategy, lazy}, {strategy, foo}, {strategy, 3}, {checksumFlag, true}, {checksumFlag, 1}, {foo, 1}, {nbWorkers, 0}, {minMatch, 100}]],
    After = [z(get_parameter, [X, K]) || K <- Keys],
    {continue, S1} = z(stream, [X, <<"abc">>]), {continue, S2} = z(flush, [X]), {done, S3} = z(finish, [X, D]),
    Dict = binary:copy(<<"hello world 123">>, 20), {ok, CD} = z(dict, [compress, Dict]), {ok, DD} = z(dict, [decompress, Dict]),
    W = b(z(compress, [D, #{dictionary => CD}])), V = b(z(compress, [D, #{dictionary => Dict, checksumFlag => true}])), {ok, H} = z(get_frame_header, [V]),
    Me = self(), spawn(fun() -> Me ! z(stream, [X, <<"a">>]) end), Foreign = receive M -> M end,
    [b(z(decompress, [C])) =:= D, byte_size(C) < 200, b(z(decompress, [z(compress, [Big])])) =:= Big, b(z(compress, [<<>>])), z(get_frame_header, [C]),
     Before, Set, After, b(z(decompress, [b([S1, S2, S3])])) =:= b(["abc", D]), z(get_parameter, [Y, windowLogMax]),
     b(z(decompress, [W, #{dictionary => DD}])) =:= D, b(z(decompress, [V, #{dictionary => Dict}])) =:= D, maps:get(checksumFlag, H), z(get_dict_id, [CD]), z(get_dict_id, [DD]), z(get_dict_id, [Dict]), z(get_dict_id, [V]),
     Foreign, z(reset, [X]), z(close, [X]), z(stream, [X, <<"a">>]), z(close, [X]),
     [z(F, A) || {F, A} <- [{decompress, [<<"garbage that is no frame">>]}, {compress, [foo]}, {get_frame_header, [<<1, 2>>]}, {get_frame_header, [foo]}, {dict, [compress, foo]}, {context, [compress, #{dictionary => foo}]}, {context, [compress, #{pledgedSrcSize => -1}]}, {context, [decompress, #{windowLogMax => 1}]}, {compress, [D, #{foo => 1}]},
        {get_frame_header, [<<16#184D2A50:32/little, 3:32/little, 1, 2, 3>>]}]]].
