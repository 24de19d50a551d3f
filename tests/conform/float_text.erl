%% Floats as text, by all the ways there are.
-module(float_text).
-export([main/0]).
main() ->
    L = [0.0, -0.0, 1.0, -1.5, 0.1, 1/3, 1.0e22, 1.0e23, 123456789.123, 1.0e-5, 1.0e-7, 5.0e-324, 1.7976931348623157e308,
         2.2250738585072014e-308, 9007199254740993.0, 100000.0, 1.0e15, 1.0e16, 1.0e17, 12345678901234567.0, 0.30000000000000004],
    [[io_lib:format("~w ~p", [F, F]) || F <- L], [float_to_list(F) || F <- L], [float_to_list(F, [{decimals, 3}]) || F <- L, abs(F) < 1.0e200],
     [float_to_list(F, [{scientific, 4}]) || F <- L], [float_to_list(F, [short]) || F <- L],
     [float_to_binary(F, [{decimals, 10}, compact]) || F <- L, abs(F) < 1.0e200],
     [io_lib:format("~f|~e|~g|~.2f|~10.3f|~.3e", [F, F, F, F, F, F]) || F <- L, abs(F) < 1.0e20],
     [list_to_float(float_to_list(F)) =:= F || F <- L], [binary_to_float(float_to_binary(F, [short])) =:= F || F <- L]].
