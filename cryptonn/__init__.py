"""cryptonn: does this neural-net crypto signal make money after fees?"""
